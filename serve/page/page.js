'use strict'
// The live page: the graph is laid out once by dagre; each event of /live/events
// fills in what changes. Text goes in as text only.
const byID = id => document.getElementById(id)
const svgNS = 'http://www.w3.org/2000/svg'
const hue = n => `hsl(${(n * 67 + 205) % 360} 55% 50%)`

function svg(name, attributes, parent) {
  const e = document.createElementNS(svgNS, name)
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
  parent.append(e)
  return e
}

function html(name, text, parent, kind) {
  const e = document.createElement(name)
  e.textContent = text
  if (kind) e.className = kind
  parent.append(e)
  return e
}

function number(n) {
  if (!isFinite(n)) return '–'
  return n >= 1e9 ? (n / 1e9).toFixed(1) + ' G' : n >= 1e6 ? (n / 1e6).toFixed(1) + ' M' : n >= 1e4 ? (n / 1e3).toFixed(1) + ' k' : String(Math.round(n))
}
const bytes = n => n >= 2 ** 30 ? (n / 2 ** 30).toFixed(1) + ' GiB' : n >= 2 ** 20 ? (n / 2 ** 20).toFixed(1) + ' MiB' : n >= 1024 ? (n / 1024).toFixed(1) + ' KiB' : n + ' B'
const span = s => s < 90 ? Math.ceil(s) + ' s' : s < 5400 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h'

// elements returns the nodes and edges to draw: nodes, topics between them, stores.
function elements(topology) {
  const nodes = new Map(), edges = []
  const add = (id, label, kind, sub) => { if (!nodes.has(id)) nodes.set(id, { id, label, kind, sub }) }
  for (const sub of topology.subtopologies) {
    for (const n of sub.nodes) {
      add('n:' + n.name, n.name, n.kind, sub.id)
      for (const c of n.children || []) edges.push(['n:' + n.name, 'n:' + c, ''])
      for (const s of n.stores || []) { add('s:' + s, s, 'store', sub.id); edges.push(['n:' + n.name, 's:' + s, 'state']) }
      for (const t of n.topics || (n.pattern ? [n.pattern] : [])) { add('t:' + t, t, 'topic', sub.id); edges.push(['t:' + t, 'n:' + n.name, '']) }
      if (n.topic) { add('t:' + n.topic, n.topic, 'topic', sub.id); edges.push(['n:' + n.name, 't:' + n.topic, '']) }
    }
  }
  return { nodes, edges }
}

const labels = new Map() // the second line of each node
function draw(topology) {
  const { nodes, edges } = elements(topology)
  const g = new dagre.graphlib.Graph({ multigraph: false })
  g.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 34, marginx: 8, marginy: 8, ranker: nodes.size > 100 ? 'longest-path' : 'network-simplex' })
  g.setDefaultEdgeLabel(() => ({}))
  for (const n of nodes.values()) g.setNode(n.id, { width: Math.min(300, Math.max(110, n.label.length * 7.8 + 20)), height: 40 })
  for (const [from, to, kind] of edges) g.setEdge(from, to, { kind })
  dagre.layout(g)
  const size = g.graph()
  const root = svg('svg', { width: size.width, height: size.height, viewBox: `0 0 ${size.width} ${size.height}` }, byID('graph'))
  const arrow = svg('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, svg('defs', {}, root))
  svg('path', { d: 'M0 0L8 4L0 8' }, arrow)
  for (const e of g.edges()) {
    const { points, kind } = g.edge(e)
    svg('path', { d: 'M' + points.map(p => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('L'), class: kind, 'marker-end': 'url(#arrow)' }, root)
  }
  for (const n of nodes.values()) {
    const { x, y, width, height } = g.node(n.id)
    const group = svg('g', { class: n.kind, 'data-id': n.id, transform: `translate(${x - width / 2} ${y - height / 2})` }, root)
    svg('rect', { class: 'box', width, height, rx: 6, stroke: hue(n.sub) }, group)
    svg('title', {}, group).textContent = `${n.kind} ${n.label}, sub-topology ${n.sub}`
    const text = n.label.length > 40 ? '…' + n.label.slice(-39) : n.label
    svg('text', { x: width / 2, y: 24 }, group).textContent = text
    labels.set(n.id, svg('text', { x: width / 2, y: 32, class: 'soft' }, group))
  }
}

// rates keeps counters between two events, by name.
const before = new Map()
function rate(name, value, at) {
  const old = before.get(name)
  before.set(name, { value, at })
  return old && at > old.at && value >= old.value ? (value - old.value) * 1000 / (at - old.at) : NaN
}
// smooth is a rate over some events, for estimates.
const smoothed = new Map()
function smooth(name, now) {
  if (!isFinite(now)) return smoothed.get(name) || 0
  const s = smoothed.has(name) ? 0.7 * smoothed.get(name) + 0.3 * now : now
  smoothed.set(name, s)
  return s
}

const sum = (map, key, n) => { if (isFinite(n)) map.set(key, (map.get(key) || 0) + n) }

function show({ at, instances }) {
  const topics = new Map(), lags = new Map(), stores = new Map(), sinks = new Map(), processors = new Map()
  const tasks = [], restoring = []
  for (const { host, live } of instances) {
    for (const t of live?.Tasks || []) {
      const row = { id: t.ID, host, phase: t.Phase + (t.Role === 'active' ? '' : ', ' + t.Role), rate: 0, lag: 0, disk: t.DiskBytes }
      for (const i of t.Inputs || []) {
        const r = rate(`in ${host} ${t.ID} ${i.Topic}`, i.Position, at)
        sum(topics, i.Topic, r); sum(lags, i.Topic, i.End - i.Position)
        row.rate += isFinite(r) ? r : 0; row.lag += i.End - i.Position
      }
      for (const o of t.Outputs || []) sum(sinks, o.Node, rate(`out ${host} ${t.ID} ${o.Node} ${o.Topic}`, o.Records, at))
      for (const n of t.Nodes || []) sum(processors, n.Name, rate(`node ${host} ${t.ID} ${n.Name}`, n.Records, at))
      for (const s of t.Stores || []) {
        const all = stores.get(s.Name) || { partitions: 0, bytes: 0, lag: 0 }
        all.partitions++; all.bytes += s.Bytes; all.lag += Math.max(0, s.End - s.Position)
        stores.set(s.Name, all)
        const name = `restore ${host} ${t.ID} ${s.Name}`
        const r = smooth(name, rate(name, s.Position, at))
        if (t.Phase === 'restoring' && s.End > s.Position) restoring.push({ task: t.ID, store: s.Name, position: s.Position, end: s.End, rate: r })
      }
      tasks.push(row)
    }
  }
  graphLabels(topics, lags, stores, sinks, processors)
  tables(instances, tasks, stores)
  progress(restoring)
}

function graphLabels(topics, lags, stores, sinks, processors) {
  const find = (map, name) => { // topics of the app have its id in front
    for (const [k, v] of map) if (k === name || k.endsWith('-' + name)) return v
  }
  for (const [id, label] of labels) {
    const name = id.slice(2)
    let text = ''
    if (id[0] === 't' && find(lags, name) !== undefined) text = `${number(find(topics, name) || 0)}/s, lag ${number(find(lags, name))}`
    if (id[0] === 's' && stores.has(name)) text = bytes(stores.get(name).bytes)
    if (id[0] === 'n' && (sinks.has(name) || processors.has(name))) text = number(sinks.get(name) ?? processors.get(name)) + '/s'
    if (label.textContent === text) continue
    label.textContent = text
    label.previousSibling.setAttribute('y', text ? 17 : 24)
  }
}

function rows(table, list) {
  const body = byID(table).tBodies[0]
  body.replaceChildren(...list.map(cells => {
    const tr = document.createElement('tr')
    for (const c of cells) html('td', c, tr)
    return tr
  }))
}

function tables(instances, tasks, stores) {
  rows('stores', [...stores].sort().map(([name, s]) => [name, s.partitions, bytes(s.bytes), number(s.lag)]))
  tasks.sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }))
  rows('tasks', tasks.map(t => [t.id, t.host, t.phase, number(t.rate), number(t.lag), bytes(t.disk)]))
  const box = byID('instances')
  box.replaceChildren()
  for (const { host, local, live } of instances) {
    html('div', `${host}${local ? ' (this one)' : ''}: ${live ? `${live.State}, ${(live.Tasks || []).length} tasks` : 'not reached'}`, box, live ? '' : 'bad')
  }
  byID('state').textContent = `${instances.length} instance${instances.length === 1 ? '' : 's'}, ${tasks.length} tasks, ${number(tasks.reduce((n, t) => n + t.rate, 0))} records/s`
}

function progress(list) {
  const box = byID('restore')
  box.replaceChildren()
  if (!list.length) html('p', 'Nothing is being restored.', box)
  for (const r of list) {
    const left = r.rate > 0 ? `, about ${span((r.end - r.position) / r.rate)} left` : ''
    html('div', `${r.store} of task ${r.task}: ${number(r.end - r.position)} records to go${left}`, box)
    const bar = html('progress', '', box)
    bar.max = Math.max(1, r.end); bar.value = r.position
  }
}

async function main() {
  const began = performance.now()
  const answer = await fetch('live/topology')
  if (!answer.ok) throw new Error('topology: ' + answer.status)
  draw(await answer.json())
  document.body.dataset.drawn = (performance.now() - began).toFixed(0)
  requestAnimationFrame(() => setTimeout(() => { document.body.dataset.painted = performance.now().toFixed(0) })) // since the visit began
  const events = new EventSource('live/events')
  events.addEventListener('live', e => { show(JSON.parse(e.data)); document.body.dataset.live = 'true' })
  events.onerror = () => { byID('state').textContent = 'connection lost, trying again …' }
}
main().catch(e => { byID('state').textContent = String(e); byID('state').className = 'bad' })
