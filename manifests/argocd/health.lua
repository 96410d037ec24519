-- Health of a TrainingRun, a Model or a Deployment of millwright.dev. Only conditions that speak of the present spec count.
local known = {}
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.observedGeneration == obj.metadata.generation then
    known[condition.type] = condition
  end
end

local function holds(kind)
  return known[kind] ~= nil and known[kind].status == "True"
end

if holds("Stalled") then
  return {status = "Degraded", message = known.Stalled.message}
elseif known.Ready ~= nil and known.Ready.reason == "Suspended" then
  return {status = "Suspended", message = known.Ready.message}
elseif holds("Reconciling") then
  return {status = "Progressing", message = known.Reconciling.message}
elseif holds("Ready") then
  return {status = "Healthy", message = known.Ready.message}
end
return {status = "Progressing", message = "the operator has not looked at this generation yet"}
