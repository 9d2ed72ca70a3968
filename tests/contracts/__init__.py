"""What all implementations of one seam have in common, run over each of them."""
