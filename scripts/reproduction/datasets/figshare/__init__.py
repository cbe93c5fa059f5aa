"""The brain tumour collection of figshare."""
