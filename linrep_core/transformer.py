"""A small causal transformer, trained on sentences of a world whose next-token distribution is known exactly.

Book: part "Real language models", chapter "A model you can train yourself". Source: arXiv 2403.03867 leaves real
architectures to its section 5.2; the transformer is the usual one with the norm before each block.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from linrep_core._checks import check_flag, check_integer, shown

MAX_LAYERS = 100
MAX_WIDTH = 2**14
MAX_WORDS = 2**20
HIDDEN = 4  # times the width, in the middle of each perceptron
INITIAL_SCALE = 0.02  # standard deviation of the first embeddings and unembeddings, as in GPT-2


class _Attention(nn.Module):
    """Each position looks at itself and at those before it, once for each head."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes (batch, length, width) to (batch, length, width)."""
        batch, length, width = x.shape
        heads = self.queries_keys_values(x).view(batch, length, 3, self.n_heads, width // self.n_heads)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # each (batch, n_heads, length, width / n_heads)
        seen = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.out(seen.transpose(1, 2).reshape(batch, length, width))


class _Block(nn.Module):
    """Attention, then a perceptron at each position; each reads a normalised copy and adds to the stream."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _Attention(width, n_heads)
        self.perceptron = nn.Sequential(nn.Linear(width, HIDDEN * width), nn.GELU(), nn.Linear(HIDDEN * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes (batch, length, width) to (batch, length, width)."""
        x = x + self.attention(self.attention_norm(x))
        return x + self.perceptron(self.perceptron_norm(x))


class Transformer(nn.Module):
    """Words in, at each position a vector f(x) of everything up to there; logits f(x) . g(y) for every word y.

    Parameters
    ----------
    n_words, n_positions
        Size of the vocabulary, and words of the longest sentence.
    n_layers
        Blocks. With 0 there is nothing to carry a word to the end of its sentence, so a bag of words takes their place:
        f(x) is the normalised mean of the words' embeddings.
    width
        Dimension of f(x) and g(y), a multiple of `n_heads`.
    n_heads
        Heads of attention in each block.
    tied
        Whether words are read with the table they are written with.

    Examples
    --------
    >>> transformer = Transformer(n_words=10, n_positions=4, n_layers=1, width=8, n_heads=2)
    >>> transformer(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 10])
    """

    def __init__(
        self,
        n_words: int,
        n_positions: int,
        *,
        n_layers: int = 2,
        width: int = 32,
        n_heads: int = 2,
        tied: bool = False,
    ) -> None:
        super().__init__()
        check_integer("n_words", n_words, low=1, high=MAX_WORDS)
        self.n_positions = check_integer("n_positions", n_positions, low=1, high=MAX_WORDS)
        check_integer("n_layers", n_layers, low=0, high=MAX_LAYERS)
        check_integer("width", width, low=1, high=MAX_WIDTH)
        check_integer("n_heads", n_heads, low=1)
        if width % n_heads:
            raise ValueError(f"width must be a multiple of n_heads = {n_heads}, got {width}")
        self.embedding = nn.Embedding(n_words, width)
        self.position = nn.Embedding(n_positions, width) if n_layers else None
        self.blocks = nn.ModuleList(_Block(width, n_heads) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.unembedding = nn.Linear(width, n_words, bias=False)
        if check_flag("tied", tied):
            self.unembedding.weight = self.embedding.weight
        for table in (self.embedding, self.position, self.unembedding):
            if table is not None:
                nn.init.normal_(table.weight, std=INITIAL_SCALE)

    def streams(self, words: Tensor) -> list[Tensor]:
        """What flows at each position: before the first block, after each of them, and f(x), after the last norm.

        Parameters
        ----------
        words
            Shape (batch, length), numbers of words.

        Returns
        -------
        list of n_layers + 2 tensors of shape (batch, length, width)

        Raises
        ------
        ValueError
            For anything else, and for sentences longer than `n_positions`.
        """
        self._check(words)
        x = self.embedding(words)
        place = torch.arange(1, words.shape[1] + 1, device=words.device)
        # without layers the mean of all words up to here
        x = x.cumsum(dim=1) / place[:, None] if self.position is None else x + self.position(place - 1)
        found = [x]
        for block in self.blocks:
            found.append(block(found[-1]))
        return [*found, self.norm(found[-1])]

    def _check(self, words: Tensor) -> None:
        if not isinstance(words, Tensor) or words.dtype != torch.int64 or words.ndim != 2 or words.numel() == 0:
            kind = f"{words.dtype} and shape {tuple(words.shape)}" if isinstance(words, Tensor) else shown(words)
            raise ValueError(f"words must be a tensor of int64 and shape (batch, length), not empty, got {kind}")
        if words.shape[1] > self.n_positions:
            raise ValueError(f"words must have at most {self.n_positions} columns (n_positions), got {words.shape[1]}")
        low, high = words.aminmax()
        if low < 0 or high >= self.embedding.num_embeddings:
            last = self.embedding.num_embeddings - 1
            raise ValueError(f"words must lie between 0 and {last}, got {int(low if low < 0 else high)}")

    def forward(self, words: Tensor) -> Tensor:
        """Logits of the next word at each position: shapes (batch, length) to (batch, length, n_words)."""
        return self.unembedding(self.streams(words)[-1])
