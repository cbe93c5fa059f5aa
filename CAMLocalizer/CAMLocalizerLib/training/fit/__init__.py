"""The machinery of training: options, batches, the Lightning module and the folder that a run can go on from."""
