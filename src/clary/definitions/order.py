"""What comes before what: order, cycles, what selected steps rest on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from clary.base.errors import ValidationException


def find_cycle(needs: Mapping[str, Collection[str]]) -> tuple[list[str], list[str]]:
    """(a cycle, or nothing; the names in an order in which nothing comes before what it needs)."""
    order: list[str] = []
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, left = stack.pop()
            if left:
                path.pop()
                on_path.discard(name)
                if name not in done:
                    done.add(name)
                    order.append(name)
                continue
            if name in done:
                continue
            if name in on_path:
                return [*path[path.index(name) :], name], []
            path.append(name)
            on_path.add(name)
            stack.append((name, True))
            stack.extend((needed, False) for needed in sorted(needs[name], reverse=True) if needed not in done)
    return [], order


def upstream(names: Iterable[str], needs: Mapping[str, Collection[str]]) -> set[str]:
    """Everything that these rest on, directly or not; without themselves unless they rest on each other."""
    found: set[str] = set()
    ahead = [needed for name in names for needed in needs[name]]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(needs[name])
    return found


def check_selection(selected: Collection[str], needs: Mapping[str, Collection[str]]) -> None:
    """Selected steps exist, and no step between two of them is left out; ValidationException otherwise."""
    unknown = sorted(set(selected) - set(needs))
    if unknown:
        raise ValidationException(f"SelectedSteps names {', '.join(unknown)}, which the pipeline does not have.")
    chosen = set(selected)
    above = upstream(chosen, needs)
    between = {name for name in above - chosen if upstream([name], needs) & chosen}
    if between:
        raise ValidationException(
            f"The steps {', '.join(sorted(between))} lie between selected steps and must be selected as well."
        )
