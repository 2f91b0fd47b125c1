"""The prose of a markdown text: what is left without code, roles, labels, options and addresses."""

import re

DIRECTIVES_OF_CODE = ("{code-block}", "{raw}", "{math}", "{bibliography}")


def blank(match: re.Match[str]) -> str:
    """Spaces in the place of a match, its lines kept."""
    return re.sub(r"[^\n]", " ", match.group())


def prose(source: str, headings: bool = False) -> str:
    """What a reader reads of a markdown text, line by line; formulas stay, in their dollars.

    Parameters
    ----------
    source
        Markdown as MyST reads it.
    headings
        Whether headings and titles of directives count.
    """
    kept: list[str] = []
    fences: list[tuple[str, str]] = []
    for line in source.splitlines():
        fence = re.match(r"\s*(`{3,}|:{3,}|~{3,})\s*(\S*)(.*)", line)
        if fence:
            mark, name, title = fence.groups()
            if fences and not name and mark.startswith(fences[-1][0][0] * 3) and len(mark) >= len(fences[-1][0]):
                fences.pop()
            else:
                fences.append((mark, name))
            kept.append(title if headings and name.startswith("{") and name not in DIRECTIVES_OF_CODE else "")
            continue
        is_code = any(not name.startswith("{") or name in DIRECTIVES_OF_CODE for _, name in fences)
        is_mark = re.match(r"\s*(\([\w.-]+\)=\s*$|%|:[\w-]+:)", line)
        is_heading = not headings and re.match(r"\s*#+ ", line)
        kept.append("" if is_code or is_mark or is_heading else line)
    text = "\n".join(kept)
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.S)
    text = re.sub(r"(?:\{[\w:-]+\})?(`+)(?!`).+?(?<!`)\1(?!`)", blank, text, flags=re.S)
    return re.sub(r"\]\([^)\s]*\)|<[^>\n]+>|https?://\S+", blank, text)
