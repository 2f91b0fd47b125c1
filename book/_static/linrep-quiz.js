// Says aloud what the style sheet shows: whether the chosen answer is right, and why.
document.addEventListener("change", ({ target }) => {
  const answer = target.closest(".quiz-answer");
  if (!answer) return;
  const verdict = answer.classList.contains("is-right") ? "Right." : "Not this one.";
  answer.closest(".quiz").querySelector(".quiz-verdict").textContent = verdict;
});
