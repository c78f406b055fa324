// The document lies beside this page; its paths start where both lie, also below a host's own path.
const beside = new URL("openapi.json", location.href);
const show = (spec) => {
  const servers = [{ url: new URL(".", beside).href.replace(/\/$/, "") }];
  SwaggerUIBundle({ dom_id: "#explorer", spec: { ...spec, servers }, validatorUrl: null });
};
fetch(beside)
  .then((answer) => answer.json())
  .then(show)
  .catch((why) => {
    document.getElementById("explorer").textContent = `${beside}: ${why}`;
  });
