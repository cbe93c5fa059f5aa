// Waits until the other window is closed. A page that is loaded anew passes here too, for a moment.
async function wait() {
  try {
    const answer = await fetch("occupied", { cache: "no-store" });
    if (answer.ok && !(await answer.json()).occupied) {
      location.replace(`index.html${location.search}`);
      return;
    }
  } catch {
    document.querySelector("main").innerHTML = "<h1>The review has ended</h1>";
    return;
  }
  setTimeout(wait, 400);
}
wait();
