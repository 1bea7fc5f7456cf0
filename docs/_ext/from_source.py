"""Pages that derive from the code: tables of the format and of recipes, help of the verbs."""

import argparse
import os

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class FormatTable(SphinxDirective):
    """``.. format-table:: KEYWORDS``: a table of `astroae.container.keywords`."""

    required_arguments = 1

    def run(self):
        from astroae.container import keywords

        self.env.note_reread()
        rows = [_cells(entry) for entry in getattr(keywords, self.arguments[0])]
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 14 12 74", ""]
        for cells in [("Name", "Type", "Meaning"), *rows]:
            lines += [f"   {mark} {cell}" for mark, cell in zip("*  ", cells, strict=True)]
        text = "\n".join(lines).replace("   * ", "   * - ").replace("     ", "     - ")
        return self.parse_text_to_nodes(text)


def _cells(entry):
    kind = entry.form if hasattr(entry, "form") else entry.kind.__name__
    return f"``{entry.name}``", f"``{kind}``", entry.meaning


class RecipeTable(SphinxDirective):
    """``.. recipe-table::``: the recipes, and below the table what each decides."""

    def run(self):
        from astroae.train.recipes import find_recipes

        self.env.note_reread()
        recipes = [recipe for _, recipe in sorted(find_recipes().items())]
        head = ("Recipe", "Stamps", "Loss", "Batch", "Epochs", "Learning rate", "Split")
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for cells in [head, *map(_recipe_cells, recipes)]:
            lines += [f"   {mark} - {cell}" for mark, cell in zip("*" + " " * 9, cells)]
        for recipe in recipes:
            lines += ["", f"``{recipe.name}``: {recipe.summary}", f"    {recipe.origin}.", ""]
            lines += [f"    * {decision}" for decision in recipe.decisions]
        return self.parse_text_to_nodes("\n".join(lines))


def _recipe_cells(recipe):
    network = recipe.network()
    side = network.side or f"any; trained on {recipe.crop}"
    return (
        f"``{recipe.name}``",
        f"{side}, {'gray' if network.channels == 1 else 'RGB'}",
        " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in recipe.loss),
        str(recipe.batch),
        str(recipe.epochs),
        f"{recipe.learning_rate:g}, {recipe.schedule}",
        f"{recipe.split:g}",
    )


class QuantityTable(SphinxDirective):
    """``.. quantity-table::``: what validation measures, and the default tolerances."""

    def run(self):
        from astroae.validation.tolerances import load_tolerances, measures, tolerance_names

        self.env.note_reread()
        sets = {name: load_tolerances(name) for name in tolerance_names()}
        head = ("Quantity", "What it is", "Tolerance", "From")
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 34 18 30", ""]
        rows = [
            _quantity_cells(f"{metric.NAME}.{quantity.name}", quantity, sets)
            for metric in measures()
            for quantity in metric.QUANTITIES
        ]
        for cells in (head, *rows):
            lines += [f"   {mark} - {cell}" for mark, cell in zip("*   ", cells)]
        return self.parse_text_to_nodes("\n".join(lines))


def _quantity_cells(name, quantity, sets):
    default = sets["default"].get(name)
    sign = {"within": "±", "at most": "≤", "at least": "≥"}[quantity.direction]
    limit = "none" if default is None else f"{sign} {default.limit:g} {quantity.unit}".strip()
    for other, tolerances in sets.items():
        there = tolerances.get(name)
        if there is not None and there != default:
            limit += f"; {other}: {there.limit:g}"
    source = "" if default is None else default.source.replace("|", r"\|")
    return f"``{name}``", quantity.title, limit, source


class VerbHelp(SphinxDirective):
    """``.. verb-help::``: a section for each verb, with what ``--help`` prints."""

    def run(self):
        from astroae.cli import find_verbs

        self.env.note_reread()  # the code changes where the page does not
        os.environ["COLUMNS"] = "88"  # argparse wraps at the terminal's width
        return [_section(name, _parser(name, verb)) for name, verb in sorted(find_verbs().items())]


def _parser(name, verb):
    parser = argparse.ArgumentParser(
        prog=f"astroae {name}",
        description=verb.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_arguments(parser)
    return parser


def _verbs(parser):
    """Pairs of a verb and its parser, below ``parser``."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _section(name, parser):
    section = nodes.section(ids=[f"verb-{name.replace(' ', '-')}"])
    section += nodes.title(text=name)
    section += nodes.literal_block(text=parser.format_help(), language="text")
    for below, its_parser in _verbs(parser):
        section += _section(f"{name} {below}", its_parser)
    return section


def setup(app):
    app.add_directive("format-table", FormatTable)
    app.add_directive("quantity-table", QuantityTable)
    app.add_directive("recipe-table", RecipeTable)
    app.add_directive("verb-help", VerbHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
