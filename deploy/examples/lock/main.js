// How does a program in JavaScript take a lock? It asks the elector beside it, and asks again every ten seconds.
const lock = "http://localhost:13131/locks/example-lock";
const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));
const put = () =>
  fetch(lock, { method: "PUT", signal: AbortSignal.timeout(10_000) }).then((answer) => answer.status, () => 0);

async function main() {
  while ((await put()) !== 200) {
    console.log("another has it");
    await sleep(10);
  }
  console.log("holding it");
  while ((await put()) === 200) await sleep(10);
  console.error("lost: this program ends, and stops working by that");
  process.exit(1);
}

main();
