// Keeps how far a long piece of work is up to date, and shows the page anew at its end; without it a link does.
const watched = document.querySelector("[data-watch]");
if (watched) {
  const bar = watched.querySelector("progress");
  const look = async () => {
    const answer = await fetch(watched.dataset.watch, { cache: "no-store" }).catch(() => null);
    const said = answer && answer.ok && !answer.redirected ? await answer.json() : null;
    if (said && said.state !== "running") {
      window.location.reload();
      return;
    }
    if (said) {
      bar.max = Math.max(said.total, 1);
      bar.value = said.done;
      watched.querySelector("[data-done]").textContent = said.done;
      watched.querySelector("[data-total]").textContent = said.total;
    }
    window.setTimeout(look, 1000);
  };
  window.setTimeout(look, 500);
}
