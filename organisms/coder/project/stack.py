"""A stack of numbers, and what an expression in reverse Polish notation comes to."""


def evaluate(expression: str) -> float:
    """Return what an expression such as ``1 2 +`` comes to."""
    stack: list[float] = []
    for word in expression.split():
        if word in "+-*/":
            right, left = stack.pop(), stack.pop()
            stack.append({"+": left + right, "-": right - left, "*": left * right}[word])
        else:
            stack.append(float(word))
    return stack.pop()
