"""``questions``."""

from __future__ import annotations

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected
from xml_pipeline.cli.commands.threads import ListsByDefault
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, remark
from xml_pipeline.cli.questions import answer_questions, questions_waiting, shown


@click.group(cls=ListsByDefault)
def questions() -> None:
    """List questions that agents ask people; answer them.

    Without a subcommand: `list`.
    """


@questions.command("list")
@options.running_organism
@options.as_json
@options.asynchronous
async def list_questions(target: Target, as_json: bool) -> None:
    """List the questions that wait, with what there is to choose from."""
    async with connected(*locate(target)) as client:
        found = await questions_waiting(client)
    if as_json:
        print_json(found)
        return
    for each in found:
        print_result(f"{each['id']}  {each['agent']} asks for {each['principal']}")
        for line in (line for question in each["questions"] for line in shown(question)):
            print_result(f"  {line}")


@questions.command()
@click.argument("thread")
@click.argument("answers", nargs=-1, required=True)
@options.running_organism
@options.as_json
@options.asynchronous
async def answer(target: Target, thread: str, answers: tuple[str, ...], as_json: bool) -> None:
    """Answer the questions of THREAD, in their order; the beginning of its id will do.

    A number means what is listed with it; anything else is said as it is.
    """
    async with connected(*locate(target)) as client:
        told = await answer_questions(client, thread, answers)
    if as_json:
        print_json(told)
    else:
        remark(f"Answered: {'; '.join(told['answers'])}.")
