"""Prints, as JSON, what scikit-learn makes of a network's answers for the test samples."""

import json
import sys

from sklearn.metrics import confusion_matrix

from torch2tch.reference import common
from torch2tch.reference.train import outputs

network, weights, data = sys.argv[1:]
task = common.task(network)
model = common.build(task, seed=0, threads=1, weights=weights).eval()
input, target = task.read_data(data)["test"]
output = outputs(model, input)
result = {name: float(value) for name, value in task.metrics(output, target).items()}
if network != "house_price_predictor":
    predicted = output.argmax(dim=1) if output.shape[1] > 1 else output > 0.5
    result["confusion"] = confusion_matrix(target, predicted).tolist()
print(json.dumps(result))
