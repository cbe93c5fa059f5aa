"""From labels of whole images to maps that fit: evidence, pseudo-masks, and a decoder trained on them."""
