"""Write the catalogue of the library's sentences anew: python3 scripts/collect_messages.py"""

from _messages import CATALOGUE, catalogue_text

if __name__ == "__main__":
    CATALOGUE.write_text(catalogue_text(), encoding="utf-8")
    print(f"{CATALOGUE.name}: {catalogue_text().count('    _(')} sentences")
