"""Slow and obvious versions of what linrep_core computes: plain loops over all tokens and contexts.

Nothing here imports linrep_core, so that agreement means something.
"""

from __future__ import annotations

import math
from itertools import product

UNKNOWN = -1


def all_tokens(m):
    """Every concept vector, in the order of its binary number."""
    return list(product((0, 1), repeat=m))


def all_contexts(m):
    """Every context, in the order of its ternary number (unknown = digit 2)."""
    return list(product((0, 1, UNKNOWN), repeat=m))


def agrees(context, token):
    """Whether a token contradicts nothing that the context tells."""
    return all(told in (UNKNOWN, value) for told, value in zip(context, token, strict=True))


def joint_from_tables(m, edges, tables):
    """p(c) as a dict: the product of one table entry for each concept."""
    joint = {}
    for c in all_tokens(m):
        probability = 1.0
        for j in range(m):
            parents = sorted(i for i, child in edges if child == j)
            p_one = tables[j][tuple(c[i] for i in parents)]
            probability *= p_one if c[j] == 1 else 1 - p_one
        joint[c] = probability
    return joint


def joint_from_potentials(m, edge_potentials, node_potentials):
    """p(c) as a dict: the normalised product of potentials."""
    weights = {}
    for c in all_tokens(m):
        weight = 1.0
        for (i, j), table in edge_potentials.items():
            weight *= table[c[i]][c[j]]
        for i, pair in node_potentials.items():
            weight *= pair[c[i]]
        weights[c] = weight
    total = sum(weights.values())
    return {c: weight / total for c, weight in weights.items()}


def as_joint(vector, m):
    """A probability vector indexed by binary number, as a dict."""
    return {c: float(p) for c, p in zip(all_tokens(m), vector, strict=True)}


def event(joint, values):
    """p(C_i = v for every i: v in values)."""
    return sum(p for c, p in joint.items() if all(c[i] == v for i, v in values.items()))


def conditionally_independent(joint, m, first, second, given, tolerance=1e-12):
    """Whether p(a, b, s) p(s) = p(a, s) p(b, s) for all values, by enumeration."""
    for values in product((0, 1), repeat=len(given)):
        s = dict(zip(given, values, strict=True))
        for a, b in product((0, 1), repeat=2):
            left = event(joint, {first: a, second: b, **s}) * event(joint, s)
            right = event(joint, {first: a, **s}) * event(joint, {second: b, **s})
            if abs(left - right) > tolerance:
                return False
    return True


def next_token_row(joint, context):
    """p(y | x) for one context, as a list over tokens."""
    row = [p if agrees(context, c) else 0.0 for c, p in joint.items()]
    total = sum(row)
    return [p / total for p in row]


def masked_weights(joint, m, q):
    """Probability of each context when c is drawn and each entry hidden with probability q, by enumeration."""
    weights = dict.fromkeys(all_contexts(m), 0.0)
    for c, p in joint.items():
        for mask in product((False, True), repeat=m):
            context = tuple(UNKNOWN if hidden else value for value, hidden in zip(c, mask, strict=True))
            weights[context] += p * math.prod(q if hidden else 1 - q for hidden in mask)
    return weights


def entropy(row):
    """Entropy in nats of one distribution."""
    return -sum(p * math.log(p) for p in row if p > 0)


def cosine(a, b):
    """Cosine of two vectors; 0 if one of them is zero."""
    norms = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0
