"""Prints random answers and what scikit-learn makes of them, as JSON."""

import json
import math
import warnings

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

warnings.simplefilter("ignore")  # R² of one sample is NaN with a warning.
random = np.random.default_rng(0)


def case(size):
    # Every class at least once, or there is no recall of it.
    truth = np.concatenate([np.arange(10), random.integers(10, size=size)])
    predicted = np.where(
        random.random(len(truth)) < 0.6, truth, random.integers(10, size=len(truth))
    )
    positive = (random.random(size) < random.choice([0.02, 0.5, 0.9])).astype(int)
    positive[:2] = [0, 1]
    scores = random.random(size) + 0.3 * positive
    if random.random() < 0.5:
        scores = scores.round(1)  # ties
    scores = scores.astype(np.float32).astype(float)
    prices = random.normal(180_000, 80_000, size)
    predicted_prices = prices + random.normal(0, 10.0 ** random.integers(0, 6), size)
    return {
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "accuracy": accuracy_score(truth, predicted),
        "recall": recall_score(truth, predicted, average=None).tolist(),
        "positive": positive.tolist(),
        "scores": scores.tolist(),
        "roc_auc": roc_auc_score(positive, scores),
        "prices": prices.tolist(),
        "predicted_prices": predicted_prices.tolist(),
        "rmse": root_mean_squared_error(prices, predicted_prices),
        "r2": r2_score(prices, predicted_prices),
        "r2_of_one_is_nan": math.isnan(r2_score(prices[:1], predicted_prices[:1])),
    }


print(json.dumps([case(size) for size in random.integers(2, 2000, size=120).tolist()]))
