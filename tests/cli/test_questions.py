"""Questions of agents are answered where people are: in a chat, by a command, on a terminal."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from tests.cli.test_terminal import terminal
from tests.server.house import envelope
from xml_pipeline.cli.questions import meant, shown
from xml_pipeline.payload import codec_of
from xml_pipeline.tools.question import AskPeople, Choice, Question

TOOL = "  - {name: asker, description: Asks people., handler: 'tools:question'}\n"
COLOURS = (Choice("red"), Choice("blue", "as the sea"))
DAYS = (Choice("Mo"), Choice("Tu"))
ASKED = (
    codec_of(AskPeople)
    .to_xml(
        AskPeople((Question("Which colour?", COLOURS), Question("Which days?", DAYS, "When", True)))
    )
    .decode()
)
ORGANISM = """
    organism: {name: painters}
    listeners:
      - name: ada
        description: Paints.
        agent: true
        model: scripted:ada
        peers: [asker]
      - {name: asker, description: Asks people., handler: 'tools:question'}
"""
SCRIPT = """
    - when: blue
      text: Blue it is.
    - when: Nobody
      text: Then not.
    - calls:
        - name: asker
          arguments:
            questions:
              - {question: "Which colour?", options: [{label: red}, {label: blue}]}
"""


@pytest.fixture
def painters(shell: Shell) -> Shell:
    """Give a prompt in a folder with an agent that asks."""
    (shell.directory / "painters.yaml").write_text(dedent(ORGANISM))
    (shell.directory / "ada.yaml").write_text(dedent(SCRIPT))
    return shell


@pytest.mark.parametrize("said", ["2", "blue", "/cost\n\n 2"])
def test_in_a_chat_a_question_is_asked_and_a_number_means_its_choice(
    painters: Shell, said: str
) -> None:
    lines = f"Paint.\n{said}\n/exit\n".encode()
    done = painters.run("chat", "--organism", "painters.yaml", stdin=lines)
    assert (done.code, done.out) == (0, "Blue it is.\n")
    assert "Which colour?" in done.err
    assert "  2  blue" in done.err


def test_whoever_has_left_a_chat_answers_that(painters: Shell) -> None:
    done = painters.run("chat", "--organism", "painters.yaml", stdin=b"Paint.\n")
    assert (done.code, done.out) == (0, "Then not.\n")


def test_questions_are_listed_and_answered_by_commands(shell: Shell, command: Command) -> None:
    shell.organism.write_text(shell.organism.read_text() + TOOL)
    with (
        shell.organism_running(),
        shell.started("watch", "--json", "--type", "AgentState") as watch,
    ):
        watch.line(lambda line: "Watching" in line)
        message = shell.write(
            "message.xml", envelope(ASKED.replace(">", ' xmlns="">', 1), "asker").decode()
        )
        assert command("inject", str(message)).code == 0
        watch.line(lambda line: '"waiting"' in line, "stdout")
        (waiting,) = command("questions", "--json").json
        listed = command("questions").out.splitlines()
        assert listed[0].startswith(f"{waiting['id']}  http:operator asks for ")
        assert listed[1:4] == ["  Which colour?", "    1  red", "    2  blue: as the sea"]
        assert listed[4] == "  When: Which days? (several, with commas between them)"
        few = command("questions", "answer", waiting["id"], "2")
        assert (few.code, few.err) == (1, "Error: 2 answers are wanted, one for each question.\n")
        nobody = command("questions", "answer", "none", "2")
        assert (nobody.code, nobody.err) == (1, "Error: Nothing is asked on 'none'.\n")
        done = command("questions", "answer", waiting["id"][:6], "2", "1, 2")
        assert (done.code, done.err) == (0, "Answered: blue; Mo, Tu.\n")
        assert command("questions", "--json").json == []


def test_on_a_terminal_a_question_is_shown_and_answered_by_a_line(shell: Shell) -> None:
    shell.organism.write_text(shell.organism.read_text() + TOOL)
    with terminal(shell, "run", "--no-server") as screen:
        screen.shows("not served")
        screen.type(f"@asker {ASKED}\n")
        screen.shows("Which colour?")
        screen.shows("write `answer ")
        id = screen.shows(" ")[:-1]
        screen.type(f"answer {id} 2\n")
        screen.shows("2 answers are wanted")
        screen.type(f"answer {id} 2 | Mo\n")
        screen.shows("blue")
        screen.type("\x04")
        assert screen.ends() == 0


def test_a_number_without_a_choice_is_said_as_it_is() -> None:
    question = {"question": "How many?", "options": [{"label": "none"}, {"label": "some"}]}
    said = [meant(question, each) for each in ("1", "2", "0", "3", "-1", "12345", "²", " two ")]
    assert said == ["none", "some", "0", "3", "-1", "12345", "²", "two"]
    assert list(shown(question)) == ["How many?", "  1  none", "  2  some"]
