"""A world of concepts: a graph that says which depend on which, and its exact joint distribution.

Concepts are binary, as in the paper, unless `n_values` gives some of them more values.

Book: part "The model", chapter "A world of concepts"; more values: part "Beyond the assumptions", chapter "Concepts
that are not binary". Source of the binary case: arXiv 2403.03867, sections 2.1 and 5.1.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from linrep_core._checks import (
    check_array,
    check_integer,
    check_iterable,
    check_mapping,
    check_number,
    check_sequence,
    shown,
)
from linrep_core._digits import draw_digits, place_values

MAX_CONCEPTS = 12  # the joint has 2**m entries and the contexts number 3**m: 4096 and 531441 at m = 12
MAX_SAMPLED_CONCEPTS = 63  # larger worlds than the joint allows can still be sampled
MAX_VECTORS = 2**MAX_CONCEPTS  # and so many concept vectors where concepts have more values
MAX_VALUES = 127  # of one concept, kept as int8
MAX_PARENTS = 16  # a concept's table has 2**parents entries
MAX_TABLE = 2**MAX_PARENTS
MAX_SAMPLES = 10**9
ROUNDING = 1e-9  # how far from 1 the sum of probabilities that are given may be

# values of the parents -> p(C_j = 1 | parents), or (p(C_j = 0 | parents), p(C_j = 1 | parents), ...) for more values
Table = dict[tuple[int, ...], Any]


def concept_vectors(n_concepts: int, n_values: int | Sequence[int] = 2) -> NDArray[np.int8]:
    """All concept vectors, row *y* being the digits of *y*: binary digits where all concepts are binary.

    Parameters
    ----------
    n_concepts
        Number of concepts *m*, 1 to 12.
    n_values
        How many values each concept has: one number for all, or one a concept; their product is at most 4096. A row's
        number then has digits of mixed radix, concept 0 being the highest.

    Returns
    -------
    array of shape (2**m, m), int8
        Entries 0 and 1; with more values (prod n_values, m), and entries from 0 on.

    Examples
    --------
    >>> concept_vectors(2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> concept_vectors(2, n_values=(3, 2)).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    """
    m = check_integer("n_concepts", n_concepts, low=1, high=MAX_CONCEPTS)
    sizes = check_n_values(n_values, m)
    _check_vector_count(sizes)
    return np.indices(sizes, dtype=np.int8).reshape(m, -1).T.copy()


def check_n_values(n_values: Any, n_concepts: int) -> tuple[int, ...]:
    """Return how many values each concept has, given one number for all or one a concept, or raise a ValueError."""
    sizes = [n_values] * n_concepts
    if not isinstance(n_values, int | np.integer):
        sizes = check_sequence("n_values", n_values, length=n_concepts)
    return tuple(check_integer("n_values", size, low=2, high=MAX_VALUES) for size in sizes)


def _check_vector_count(n_values: tuple[int, ...]) -> None:
    if math.prod(n_values) > MAX_VECTORS:
        raise ValueError(f"n_values must have a product of at most {MAX_VECTORS}, got {shown(n_values)}")


class ConceptGraph:
    """Concepts C_0 .. C_{m-1}, binary by default, with a strictly positive joint distribution.

    Build one with `random` (a random directed acyclic graph, as in the paper's simulations), `from_dag` (your own
    graph and conditional tables) or `from_markov_random_field` (your own pairwise potentials).

    Attributes
    ----------
    n_concepts : int
        Number of concepts *m*.
    n_values : tuple of int
        How many values each concept has: 2 for a binary one. In what follows 2**m stands for their product.
    dag : networkx.DiGraph or None
        The directed graph; None for a world given by potentials.
    markov_random_field : networkx.Graph
        The undirected graph: the moral graph of `dag`, or the graph of the potentials.
    tables : list of dict, or None
        ``tables[j][values of j's parents in ascending order] = p(C_j = 1 | parents)``; None without a DAG. A concept
        with k > 2 values has the k probabilities of its values there.

    Examples
    --------
    >>> graph = ConceptGraph.random(n_concepts=3, edge_probability=0.5, seed=0)
    >>> graph.joint().shape, round(float(graph.joint().sum()), 12)
    ((8,), 1.0)
    """

    def __init__(
        self,
        n_concepts: int,
        *,
        markov_random_field: nx.Graph,
        dag: nx.DiGraph | None = None,
        tables: list[Table] | None = None,
        log_potential: NDArray[np.float64] | None = None,
        n_values: int | Sequence[int] = 2,
    ) -> None:
        m = check_integer("n_concepts", n_concepts, low=1, high=MAX_SAMPLED_CONCEPTS)
        self.n_values = check_n_values(n_values, m)
        if _check_nodes(markov_random_field, nx.Graph, "markov_random_field") != m:
            raise ValueError(f"markov_random_field must have n_concepts = {m} nodes, got {len(markov_random_field)}")
        if (dag is None) == (log_potential is None) or (dag is None) != (tables is None):
            raise ValueError("dag must be given with tables, or else log_potential; got neither or both")
        if dag is not None:
            tables = _check_dag(dag, tables, "tables", n_values=self.n_values)
            if len(tables) != m:
                raise ValueError(f"dag must have {m} nodes, got {len(tables)}")
        else:
            log_potential = check_array("log_potential", log_potential, shape=(math.prod(self.n_values),))
        self.n_concepts = m
        self.markov_random_field = markov_random_field
        self.dag = dag
        self.tables = tables
        self._log_potential = log_potential  # (2**m,), only without a DAG
        self._joint: NDArray[np.float64] | None = None

    # ---- three ways to make one ---------------------------------------------------------------------------------

    @classmethod
    def random(
        cls,
        n_concepts: int,
        edge_probability: float = 0.5,
        *,
        n_values: int | Sequence[int] = 2,
        parameter_range: tuple[float, float] = (0.3, 0.7),
        seed: int = 0,
    ) -> ConceptGraph:
        """A random directed acyclic graph with random Bernoulli tables (arXiv 2403.03867, section 5.1).

        The concepts are put in a random order; each earlier concept is a parent of each later one with probability
        `edge_probability`. Every entry p(C_j = 1 | parents) is uniform in `parameter_range`. The paper gives the
        range [0.3, 0.7] and leaves the rule for edges open; this rule is the book's choice. For concepts with more
        values see `with_random_tables`.

        Raises
        ------
        ValueError
            For a number of concepts below 1, or probabilities outside their ranges.
        """
        m = check_integer("n_concepts", n_concepts, low=1, high=MAX_SAMPLED_CONCEPTS)
        sizes = check_n_values(n_values, m)
        check_number("edge_probability", edge_probability, low=0.0, high=1.0)
        rng = np.random.default_rng(check_integer("seed", seed, low=0))
        order = rng.permutation(m)
        dag = nx.DiGraph()
        dag.add_nodes_from(range(m))
        for later in range(m):
            for earlier in range(later):
                if rng.random() < edge_probability:
                    dag.add_edge(int(order[earlier]), int(order[later]))
        most_parents = _most_parents(dag)
        if most_parents > MAX_PARENTS:
            raise ValueError(
                f"edge_probability must be low enough that no concept has more than {MAX_PARENTS} parents, got "
                f"{edge_probability}: with {m} concepts one has {most_parents}"
            )
        return cls.with_random_tables(dag, n_values=sizes, parameter_range=parameter_range, seed=rng)

    @classmethod
    def with_random_tables(
        cls,
        dag: nx.DiGraph,
        *,
        n_values: int | Sequence[int] = 2,
        parameter_range: tuple[float, float] = (0.3, 0.7),
        seed: int | np.random.Generator = 0,
    ) -> ConceptGraph:
        """Your own directed acyclic graph with random Bernoulli tables, as in `random`.

        The entries p(C_j = 1 | parents) are drawn concept by concept, the last parent's value changing fastest. A
        concept with k > 2 values (`n_values`) has k numbers drawn from the range, divided by their sum.

        Raises
        ------
        ValueError
            For a cyclic graph, other nodes than 0..m-1, or a range outside (0, 1).

        Examples
        --------
        >>> chain = ConceptGraph.with_random_tables(nx.DiGraph([(0, 1), (1, 2)]), seed=0)
        >>> chain.separated(0, 2)
        True
        """
        m = _check_nodes(dag, nx.DiGraph, "dag")
        low, high = check_sequence("parameter_range", parameter_range, length=2)
        check_number("parameter_range[0]", low, low=0.0, high=1.0, open_interval=True)
        check_number("parameter_range[1]", high, low=0.0, high=1.0, open_interval=True)
        if low > high:
            raise ValueError(f"parameter_range must be (low, high) with low <= high, got {(low, high)}")
        sizes = check_n_values(n_values, m)
        _check_parents(dag, sizes)
        if not isinstance(seed, np.random.Generator):
            seed = np.random.default_rng(check_integer("seed", seed, low=0))
        tables = {
            j: {values: _random_entry(seed, sizes[j], low, high) for values in _parent_values(dag, sizes, j)}
            for j in range(m)
        }
        return cls.from_dag(dag, tables, n_values=sizes)

    @classmethod
    def from_dag(
        cls, dag: nx.DiGraph, cpts: Mapping[int, Any] | Sequence[Any], *, n_values: int | Sequence[int] = 2
    ) -> ConceptGraph:
        """Your own directed acyclic graph over the nodes 0..m-1 with its conditional probability tables.

        Parameters
        ----------
        dag
            Nodes must be the integers 0..m-1.
        cpts
            ``cpts[j][values of j's parents, a tuple in ascending order of parent] = p(C_j = 1 | parents)``, strictly
            between 0 and 1. A concept without parents has the single key ``()``. Arrays of shape ``(2,) * n_parents``
            are taken as well. An entry of a concept with k > 2 values is the row of their k probabilities.
        n_values
            How many values each concept has: one number for all, or one a concept.

        Raises
        ------
        ValueError
            For a cyclic graph, other nodes, a missing or superfluous table entry, or a probability outside (0, 1).

        Examples
        --------
        >>> dag = nx.DiGraph([(0, 1)])
        >>> graph = ConceptGraph.from_dag(dag, {0: {(): 0.5}, 1: {(0,): 0.25, (1,): 0.75}})
        >>> graph.joint().tolist()
        [0.375, 0.125, 0.125, 0.375]
        >>> ConceptGraph.from_dag(dag, [{(): 0.5}, [[0.5, 0.25, 0.25], [0, 0.5, 0.5]]], n_values=(2, 3)).n_values
        Traceback (most recent call last):
        ValueError: cpts[1][(1,)] must have entries strictly between 0 and 1 that sum to 1, got [0.0, 0.5, 0.5]
        """
        m = _check_nodes(dag, nx.DiGraph, "dag")
        sizes = check_n_values(n_values, m)
        tables = _check_dag(dag, cpts, "cpts", n_values=sizes)
        dag = nx.DiGraph([(int(i), int(j)) for i, j in dag.edges])
        dag.add_nodes_from(range(m))
        return cls(m, markov_random_field=nx.moral_graph(dag), dag=dag, tables=tables, n_values=sizes)

    @classmethod
    def from_markov_random_field(
        cls,
        graph: nx.Graph,
        edge_potentials: Mapping[tuple[int, int], Any],
        node_potentials: Mapping[int, Any] | None = None,
        *,
        n_values: int | Sequence[int] = 2,
    ) -> ConceptGraph:
        """A pairwise Markov random field: p(c) proportional to prod_i phi_i(c_i) prod_{ij} phi_ij(c_i, c_j).

        Parameters
        ----------
        graph
            Undirected, nodes 0..m-1 with m at most 12.
        edge_potentials
            ``edge_potentials[i, j]``, a positive (2, 2) table indexed by (c_i, c_j), for every edge (either order).
        node_potentials
            ``node_potentials[i]``, a positive pair; concepts without one have (1, 1).
        n_values
            How many values each concept has, which are then the sizes of the potentials.

        Raises
        ------
        ValueError
            For self-loops, missing or superfluous potentials, wrong shapes, or entries that are not positive.

        Examples
        --------
        >>> graph = ConceptGraph.from_markov_random_field(nx.Graph([(0, 1)]), {(0, 1): [[3, 1], [1, 3]]})
        >>> graph.joint().tolist()
        [0.375, 0.125, 0.125, 0.375]
        """
        m = _check_nodes(graph, nx.Graph, "graph")
        if m > MAX_CONCEPTS:
            raise ValueError(f"graph must have at most {MAX_CONCEPTS} concepts, got {m}")
        if nx.number_of_selfloops(graph):
            raise ValueError(f"graph must have no self-loop, got {list(nx.selfloop_edges(graph))}")
        _check_potential_keys(graph, edge_potentials, {} if node_potentials is None else node_potentials)
        sizes = check_n_values(n_values, m)
        _check_vector_count(sizes)
        log_potential = np.zeros(sizes)
        for (i, j), table in edge_potentials.items():
            log_table = np.log(_check_potential(f"edge_potentials[{i}, {j}]", table, (sizes[i], sizes[j])))
            log_table = log_table if i < j else log_table.T  # axes in ascending order of concept
            log_potential += log_table.reshape([sizes[axis] if axis in (i, j) else 1 for axis in range(m)])
        for i, pair in ({} if node_potentials is None else node_potentials).items():
            log_pair = np.log(_check_potential(f"node_potentials[{i}]", pair, (sizes[i],)))
            log_potential += log_pair.reshape([sizes[axis] if axis == i else 1 for axis in range(m)])
        field = nx.Graph([(int(i), int(j)) for i, j in graph.edges])
        field.add_nodes_from(range(m))
        return cls(m, markov_random_field=field, log_potential=log_potential.reshape(-1), n_values=sizes)

    # ---- probabilities ------------------------------------------------------------------------------------------

    def joint(self) -> NDArray[np.float64]:
        """The exact joint distribution.

        Returns
        -------
        array of shape (2**m,), float64
            ``joint()[y] = p(C = c)`` where *c* are the binary digits of *y*, concept 0 highest (see
            `concept_vectors`). Sums to 1.

        Raises
        ------
        ValueError
            If there are more than 12 concepts, or a probability is too small for a float64.
        """
        if self._joint is None:
            joint = self._compute_joint()
            if joint.min() < np.finfo(np.float64).tiny:
                raise ValueError(
                    "cpts (or potentials) must leave every concept vector a probability of at least 2.3e-308, the "
                    f"smallest float64 of full precision; got {joint.min():g} for vector {joint.argmin()}"
                )
            self._joint = joint
        return self._joint.copy()

    def _compute_joint(self) -> NDArray[np.float64]:
        if self.n_concepts > MAX_CONCEPTS:
            raise ValueError(
                f"n_concepts must be at most {MAX_CONCEPTS} for an exact joint distribution, got {self.n_concepts}; "
                "larger worlds can only be sampled"
            )
        _check_vector_count(self.n_values)
        if self.dag is None or self.tables is None:
            assert self._log_potential is not None
            weights = np.exp(self._log_potential - self._log_potential.max())
            return weights / weights.sum()
        joint = np.ones(self.n_values)
        for j, table in enumerate(self.tables):
            axes = sorted([*self.dag.predecessors(j), j])
            factor = np.empty([self.n_values[axis] for axis in axes])
            position = axes.index(j)
            for values, entry in table.items():
                factor[(*values[:position], slice(None), *values[position:])] = _probabilities(entry)
            joint *= factor.reshape([k if axis in axes else 1 for axis, k in enumerate(self.n_values)])
        return joint.reshape(-1)

    def marginal(self, concepts: Iterable[int]) -> NDArray[np.float64]:
        """The exact joint distribution of some concepts, one axis each, in the order given.

        Examples
        --------
        >>> graph = ConceptGraph.from_dag(nx.DiGraph([(0, 1)]), [{(): 0.5}, {(0,): 0.25, (1,): 0.75}])
        >>> graph.marginal([1]).tolist()
        [0.5, 0.5]
        """
        kept = self._check_concepts("concepts", concepts)
        joint = self.joint().reshape(self.n_values)
        dropped = tuple(axis for axis in range(self.n_concepts) if axis not in kept)
        table = joint.sum(axis=dropped)
        return np.transpose(table, np.argsort(np.argsort(kept)))

    def conditional(self, concept: int, given: Mapping[int, int], *, value: int = 1) -> float:
        """p(C_concept = value | the concepts in `given` have those values), exactly.

        Examples
        --------
        >>> graph = ConceptGraph.from_dag(nx.DiGraph([(0, 1)]), [{(): 0.5}, {(0,): 0.25, (1,): 0.75}])
        >>> graph.conditional(0, {1: 1})
        0.75
        """
        known = self._check_concepts("given", check_mapping("given", given))
        (target,) = self._check_concepts("concept", [concept])
        if target in known:
            raise ValueError(f"concept must not be among the given concepts {known}, got {target}")
        for i, told in given.items():
            check_integer("the values of given", told, low=0, high=self.n_values[i] - 1)
        value = check_integer("value", value, low=0, high=self.n_values[target] - 1)
        table = self.marginal([*known, target])[tuple(int(given[i]) for i in known)]
        return float(table[value] / table.sum())

    # ---- independence -------------------------------------------------------------------------------------------

    def neighbours(self, concept: int) -> list[int]:
        """The neighbours of a concept in the Markov random field, ascending: given them, the rest tells nothing."""
        (target,) = self._check_concepts("concept", [concept])
        return sorted(self.markov_random_field.neighbors(target))

    def separated(self, first: int, second: int, given: Iterable[int] | None = None) -> bool:
        """Whether every path between two concepts in the Markov random field passes through `given`.

        Separation implies conditional independence. With ``given=None`` all other concepts are given, so the answer
        is "the two are not adjacent", which is what Theorem 7 of arXiv 2403.03867 needs.
        """
        first, second = self._check_concepts("first and second", [first, second])
        if given is None:
            return not self.markov_random_field.has_edge(first, second)
        blocked = self._check_concepts("given", given)
        if first in blocked or second in blocked:
            raise ValueError(f"given must not contain the concepts {first} and {second}, got {blocked}")
        rest = nx.restricted_view(self.markov_random_field, blocked, [])
        return not nx.has_path(rest, first, second)

    def d_separated(self, first: int, second: int, given: Iterable[int] = ()) -> bool:
        """Whether two concepts are d-separated in the directed graph (networkx decides). Needs a DAG."""
        if self.dag is None:
            raise ValueError("d_separated needs a world with a DAG; use separated for a Markov random field")
        first, second = self._check_concepts("first and second", [first, second])
        blocked = self._check_concepts("given", given)
        if first in blocked or second in blocked:
            raise ValueError(f"given must not contain the concepts {first} and {second}, got {blocked}")
        return bool(nx.is_d_separator(self.dag, {first}, {second}, set(blocked)))

    # ---- sampling -----------------------------------------------------------------------------------------------

    def sample(self, n_samples: int, *, seed: int = 0) -> NDArray[np.int8]:
        """Independent draws of the concept vector: ancestral sampling along the DAG, else from the exact joint.

        Returns
        -------
        array of shape (n_samples, m), int8
        """
        n = check_integer("n_samples", n_samples, low=0, high=MAX_SAMPLES)
        rng = np.random.default_rng(check_integer("seed", seed, low=0))
        if self.dag is None or self.tables is None:
            rows = rng.choice(math.prod(self.n_values), size=n, p=self.joint())
            return concept_vectors(self.n_concepts, self.n_values)[rows]
        sample = np.empty((n, self.n_concepts), dtype=np.int8)
        for j in nx.topological_sort(self.dag):
            parents = sorted(self.dag.predecessors(j))
            sizes = [self.n_values[parent] for parent in parents]
            table = np.array([_probabilities(entry) for entry in self.tables[j].values()])
            row = sample[:, parents].astype(np.int64) @ place_values(sizes)
            sample[:, j] = draw_digits(rng.random(n), table[row])
        return sample

    def gibbs_sample(self, n_samples: int, *, burn_in: int = 100, thin: int = 1, seed: int = 0) -> NDArray[np.int8]:
        """Dependent draws from a Gibbs chain: each concept in turn is redrawn given its neighbours' values.

        Parameters
        ----------
        n_samples
            Draws kept.
        burn_in, thin
            Full sweeps thrown away at the start; sweeps for each draw kept.

        Returns
        -------
        array of shape (n_samples, m), int8
        """
        n = check_integer("n_samples", n_samples, low=0, high=MAX_SAMPLES)
        check_integer("burn_in", burn_in, low=0, high=MAX_SAMPLES)
        check_integer("thin", thin, low=1, high=MAX_SAMPLES)
        rng = np.random.default_rng(check_integer("seed", seed, low=0))
        blankets = [self.neighbours(i) for i in range(self.n_concepts)]
        tables = []
        for i, blanket in enumerate(blankets):  # p(C_i | neighbours), one axis a neighbour
            table = self.marginal([*blanket, i])
            tables.append(table / table.sum(axis=-1, keepdims=True))
        state = rng.integers(0, self.n_values).astype(np.int8)
        sample = np.empty((n, self.n_concepts), dtype=np.int8)
        for sweep in range(burn_in + n * thin):
            for i, blanket in enumerate(blankets):
                state[i] = draw_digits(rng.random(), tables[i][tuple(state[blanket])])
            if sweep >= burn_in and (sweep - burn_in + 1) % thin == 0:
                sample[(sweep - burn_in) // thin] = state
        return sample

    # ---- small things -------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        kind = "DAG" if self.dag is not None else "Markov random field"
        edges = sorted((self.dag if self.dag is not None else self.markov_random_field).edges)
        values = "" if self.is_binary else f" with {', '.join(map(str, self.n_values))} values"
        return f"ConceptGraph({self.n_concepts} concepts{values}, {kind}, edges {edges})"

    @property
    def is_binary(self) -> bool:
        """Whether every concept has two values."""
        return set(self.n_values) == {2}

    def _check_concepts(self, name: str, concepts: Iterable[int]) -> list[int]:
        high = self.n_concepts - 1
        found = [check_integer(name, concept, low=0, high=high) for concept in check_iterable(name, concepts)]
        if len(set(found)) != len(found):
            raise ValueError(f"{name} must name each concept at most once, got {found}")
        return found


def _check_nodes(graph: nx.Graph, kind: type, name: str) -> int:
    if not isinstance(graph, kind) or graph.is_directed() != issubclass(kind, nx.DiGraph) or graph.is_multigraph():
        raise ValueError(f"{name} must be a networkx {kind.__name__}, got {type(graph).__name__} {shown(graph)}")
    m = graph.number_of_nodes()
    if m == 0 or set(graph.nodes) != set(range(m)):
        nodes: list[Hashable] = sorted(graph.nodes, key=str)
        raise ValueError(f"{name} must have the nodes 0..m-1 (m at least 1), got {shown(nodes)}")
    return m


def _most_parents(dag: nx.DiGraph) -> int:
    return max(degree for _, degree in dag.in_degree)


def _check_parents(dag: nx.DiGraph, n_values: tuple[int, ...]) -> None:
    if _most_parents(dag) > MAX_PARENTS:
        raise ValueError(f"dag must have at most {MAX_PARENTS} parents for each concept, got {_most_parents(dag)}")
    for j in dag:
        n_entries = math.prod(n_values[parent] for parent in dag.predecessors(j))
        if n_entries > MAX_TABLE:
            raise ValueError(f"n_values must give no concept a table of more than {MAX_TABLE} rows, got {n_entries}")


def _parent_values(dag: nx.DiGraph, n_values: tuple[int, ...], concept: int) -> Iterable[tuple[int, ...]]:
    """All values that the parents of a concept can have together, the last parent's changing fastest."""
    return product(*(range(n_values[parent]) for parent in sorted(dag.predecessors(concept))))


def _random_entry(rng: np.random.Generator, n_values: int, low: float, high: float) -> Any:
    """A random entry of a table: p(C = 1), or all probabilities of a concept with more values."""
    if n_values == 2:
        return float(rng.uniform(low, high))
    drawn = rng.uniform(low, high, size=n_values)
    return drawn / drawn.sum()


def _probabilities(entry: Any) -> NDArray[np.float64]:
    """The probabilities of all values from an entry of a table."""
    return np.array([1.0 - entry, entry]) if np.ndim(entry) == 0 else np.asarray(entry)


def _check_dag(dag: nx.DiGraph, tables: Any, name: str, *, n_values: tuple[int, ...]) -> list[Table]:
    """The checked tables of a directed acyclic graph, one for each concept."""
    m = _check_nodes(dag, nx.DiGraph, "dag")
    if m > MAX_SAMPLED_CONCEPTS:
        raise ValueError(f"dag must have at most {MAX_SAMPLED_CONCEPTS} concepts, got {m}")
    if not nx.is_directed_acyclic_graph(dag):
        cycle = [edge[0] for edge in nx.find_cycle(dag)]
        raise ValueError(f"dag must have no cycle, got one through the concepts {shown(cycle)}")
    if len(n_values) != m:
        raise ValueError(f"dag must have {len(n_values)} nodes, got {m}")
    _check_parents(dag, n_values)
    if isinstance(tables, Mapping):
        if set(tables) != set(range(m)):
            found = shown(sorted(tables, key=str))
            raise ValueError(f"{name} must have one table for each concept 0..{m - 1}, got tables for {found}")
    elif len(check_sequence(name, tables)) != m:
        raise ValueError(f"{name} must have one table for each of the {m} concepts, got {len(tables)}")
    keys = [list(_parent_values(dag, n_values, j)) for j in range(m)]
    return [_check_table(f"{name}[{j}]", tables[j], keys[j], n_values[j]) for j in range(m)]


def _check_table(name: str, table: Any, expected: list[tuple[int, ...]], n_values: int) -> Table:
    if isinstance(table, Mapping):
        if set(table) != set(expected):
            raise ValueError(
                f"{name} must have exactly the {len(expected)} keys {shown(expected)}, "
                f"got {shown(sorted(table, key=str))}"
            )
        entries = {values: table[values] for values in expected}
    else:
        shape = tuple(largest + 1 for largest in expected[-1])
        array = check_array(name, table, shape=shape if n_values == 2 else (*shape, n_values))
        entries = {values: float(array[values]) if n_values == 2 else array[values] for values in expected}
    return {values: _check_entry(f"{name}[{values}]", entry, n_values) for values, entry in entries.items()}


def _check_entry(name: str, entry: Any, n_values: int) -> Any:
    if n_values == 2:
        return check_number(name, entry, low=0.0, high=1.0, open_interval=True)
    row = check_array(name, entry, shape=(n_values,))
    if not (row > 0).all() or abs(row.sum() - 1) > ROUNDING:
        raise ValueError(f"{name} must have entries strictly between 0 and 1 that sum to 1, got {shown(row.tolist())}")
    return row / row.sum()


def _check_potential_keys(graph: nx.Graph, edges: Mapping, nodes: Mapping) -> None:
    given = list(check_mapping("edge_potentials", edges))
    wanted = {frozenset(edge) for edge in graph.edges}
    pairs = {frozenset(edge) for edge in given if isinstance(edge, tuple) and len(edge) == 2}
    if len(given) != len(wanted) or pairs != wanted:
        raise ValueError(
            "edge_potentials must have one table for each edge "
            f"{shown(sorted(map(sorted, wanted)))}, got {shown(given)}"
        )
    if not set(check_mapping("node_potentials", nodes)) <= set(graph.nodes):
        raise ValueError(f"node_potentials must be keyed by concepts 0..{len(graph) - 1}, got {shown(list(nodes))}")


def _check_potential(name: str, table: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = check_array(name, table, shape=shape)
    if not (array > 0).all():
        raise ValueError(f"{name} must have entries above 0, got {array.tolist()}")
    return array
