"""What an expression comes to."""

import unittest

from stack import evaluate


class Evaluating(unittest.TestCase):
    def test_numbers_are_added(self) -> None:
        self.assertEqual(evaluate("1 2 +"), 3)

    def test_the_second_is_taken_from_the_first(self) -> None:
        self.assertEqual(evaluate("5 3 -"), 2)


if __name__ == "__main__":
    unittest.main()
