"""What the panel and the browser call the choices of a review, in one place; in English, the panel translates them."""

FIND_TUMOURS = "Find tumours"
THRESHOLD_METHODS = {"fixed": "Level", "percentile": "Percentile", "otsu": "Automatic"}
REFINEMENTS = {"none": "No", "random-walk": "By random walk", "geodesic": "By geodesic distance"}
UPTAKE_BORDERS = {
    "adaptive": "Adaptive",
    "41%": "41 % of the highest uptake",
    "50%": "50 % of the highest uptake",
    "suv2.5": "SUV 2.5",
    "suv4": "SUV 4",
    "liver": "1.5 times the liver (PERCIST)",
}


def component_count_text(count: int) -> str:
    """Return how many components are kept, in words."""
    return "1 component" if count == 1 else f"{count} components"
