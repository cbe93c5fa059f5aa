"""The figures of the quantitative study, as printed: mean and standard deviation over its five folds."""

from __future__ import annotations

from collections.abc import Mapping

CITATION = (
    "Kang, Park, Ahn, Van Messem, De Neve: Towards a quantitative analysis of class activation mapping for deep "
    "learning-based computer-aided diagnosis. Proc. SPIE 11599, 115990M, 2021. doi:10.1117/12.2580819"
)
BEST = 0.122  # mIoU of Modified VGG-16 at 200/255
CLASSES = ("Meningioma", "Glioma", "Pituitary")  # in the order of the collection's classes
RULES = ("200/255", "225/255", "Q90", "Q95", "Otsu")
MASK = "own mask"  # of networks that segment
PAIRS = (("AlexNet", "Modified AlexNet"), ("VGG-16", "Modified VGG-16"), ("VGG-19", "Modified VGG-19"))
CLASSIFIERS = ("AlexNet", "VGG-16", "VGG-19", "Modified AlexNet", "Modified VGG-16", "Modified VGG-19")
SEGMENTERS = ("U-Net (VGG-16)", "U-Net (VGG-19)")

Figure = tuple[float, float]

CLASSIFICATION_MEASURES = ("accuracy", "precision", "recall", "F1")
CLASSIFICATION: Mapping[str, tuple[Figure, ...]] = {  # Table 2
    "AlexNet": ((0.860, 0.112), (0.846, 0.128), (0.846, 0.116), (0.844, 0.121)),
    "VGG-16": ((0.900, 0.109), (0.890, 0.116), (0.884, 0.116), (0.886, 0.118)),
    "VGG-19": ((0.896, 0.117), (0.890, 0.109), (0.894, 0.099), (0.888, 0.112)),
    "Modified AlexNet": ((0.856, 0.127), (0.842, 0.131), (0.848, 0.129), (0.842, 0.131)),
    "Modified VGG-16": ((0.908, 0.123), (0.904, 0.116), (0.904, 0.110), (0.900, 0.120)),
    "Modified VGG-19": ((0.894, 0.117), (0.886, 0.119), (0.882, 0.116), (0.886, 0.119)),
}
BY_RULE: Mapping[str, tuple[Figure, ...]] = {  # Table 3
    "AlexNet": ((0.021, 0.008), (0.016, 0.007), (0.019, 0.009), (0.016, 0.007), (0.023, 0.008)),
    "VGG-16": ((0.095, 0.027), (0.068, 0.022), (0.070, 0.015), (0.091, 0.027), (0.048, 0.008)),
    "VGG-19": ((0.103, 0.028), (0.073, 0.020), (0.084, 0.017), (0.100, 0.028), (0.061, 0.012)),
    "Modified AlexNet": ((0.064, 0.013), (0.059, 0.009), (0.057, 0.013), (0.059, 0.013), (0.038, 0.009)),
    "Modified VGG-16": ((0.122, 0.026), (0.103, 0.019), (0.075, 0.009), (0.103, 0.016), (0.062, 0.014)),
    "Modified VGG-19": ((0.108, 0.038), (0.091, 0.034), (0.084, 0.019), (0.101, 0.033), (0.058, 0.010)),
}
BY_CLASS: Mapping[str, tuple[Figure, ...]] = {  # Table 4: all classes, meningioma, glioma, pituitary
    "AlexNet": ((0.021, 0.008), (0.052, 0.027), (0.013, 0.004), (0.014, 0.011)),
    "VGG-16": ((0.095, 0.027), (0.249, 0.096), (0.068, 0.028), (0.004, 0.005)),
    "VGG-19": ((0.103, 0.028), (0.220, 0.077), (0.081, 0.021), (0.010, 0.005)),
    "Modified AlexNet": ((0.064, 0.013), (0.107, 0.034), (0.061, 0.009), (0.021, 0.013)),
    "Modified VGG-16": ((0.122, 0.026), (0.369, 0.108), (0.071, 0.010), (0.009, 0.008)),
    "Modified VGG-19": ((0.108, 0.038), (0.183, 0.130), (0.111, 0.021), (0.013, 0.012)),
    "U-Net (VGG-16)": ((0.666, 0.041), (0.824, 0.027), (0.545, 0.060), (0.732, 0.046)),
    "U-Net (VGG-19)": ((0.673, 0.038), (0.835, 0.034), (0.559, 0.054), (0.724, 0.042)),
}
MISSED: Mapping[str, tuple[float, float, float]] = {  # Table 5
    "AlexNet": (0.604, 0.791, 0.685),
    "VGG-16": (0.205, 0.478, 0.916),
    "VGG-19": (0.247, 0.361, 0.792),
    "Modified AlexNet": (0.446, 0.452, 0.493),
    "Modified VGG-16": (0.105, 0.489, 0.853),
    "Modified VGG-19": (0.368, 0.316, 0.699),
    "U-Net (VGG-16)": (0.007, 0.097, 0.022),
    "U-Net (VGG-19)": (0.017, 0.095, 0.011),
}
