// Before anything is drawn: the page says that scripts run, as GOV.UK Frontend wants it said.
document.body.className +=
  " js-enabled" + ("noModule" in HTMLScriptElement.prototype ? " govuk-frontend-supported" : "");
