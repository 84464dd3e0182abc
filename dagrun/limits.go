package dagrun

import (
	"cmp"
	"iter"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
)

// DefaultPool is the pool of tasks that name none, with DefaultPoolSlots slots unless
// someone changes it.
const (
	DefaultPool      = "default_pool"
	DefaultPoolSlots = 128
)

// PoolOf is the pool of a task, and how many of its slots an instance takes.
func PoolOf(t *dag.Task) (name string, slots int) {
	return cmp.Or(t.Pool, DefaultPool), max(t.PoolSlots, 1)
}

// Pool is a pool as an instance meets it that wants slots of it.
type Pool struct {
	// Known is false for a pool that does not exist.
	Known bool
	// Slots is how many it has; negative for no bound.
	Slots int
	// IncludeDeferred says that deferred instances take slots too.
	IncludeDeferred bool
	// Used is how many are taken, by all runs, and Deferred how many of them by deferred instances. They need not be
	// filled in when [Pool.Bounds] is false.
	Used, Deferred int
}

// Bounds reports whether what is taken of the pool can hold an instance of a task. It can
// not where there is no bound, or where the workers are the tighter one. Deferred instances
// have no worker.
func (p Pool) Bounds(t *dag.Task, workers int) bool {
	name, want := PoolOf(t)
	return p.Known && p.Slots >= 0 && (name != DefaultPool || p.Slots < workers || want != 1 || p.IncludeDeferred)
}

// Load is what is taken of the limits that runs share, as an instance meets it that waits.
type Load struct {
	// Pool is the pool of its task.
	Pool Pool
	// OfDAG counts the active instances of its task in all runs of the DAG. It matters only
	// with max_active_tis_per_dag.
	OfDAG int
}

// NoSlot says why an instance that waits can't be queued now, or nothing.
func (m *Machine) NoSlot(at Slot, l Load) phrase.Text {
	i := m.task.At(at)
	t := m.g.d.Tasks[i]
	name, want := PoolOf(t)
	active := m.activeOf[i]
	switch p := l.Pool; {
	case !p.Known:
		return phrase.Of("pool.unknown", name, name)
	case p.Slots >= 0 && p.Used+want > p.Slots && p.Deferred > 0:
		return phrase.Of("pool.full_deferred", name, p.Used, p.Slots, p.Deferred)
	case p.Slots >= 0 && p.Used+want > p.Slots:
		return phrase.Of("pool.full", name, p.Used, p.Slots)
	case t.MaxActiveTIsPerDAG > 0 && l.OfDAG >= t.MaxActiveTIsPerDAG:
		return phrase.Of("limit.max_active_tis_per_dag", l.OfDAG, t.MaxActiveTIsPerDAG)
	case t.MaxActiveTIsPerDAGRun > 0 && active >= t.MaxActiveTIsPerDAGRun:
		return phrase.Of("limit.max_active_tis_per_dagrun", active, t.MaxActiveTIsPerDAGRun)
	default:
		return phrase.Text{}
	}
}

// Full says why no instance of the run can be queued now, whichever it is, or nothing.
func (m *Machine) Full() phrase.Text {
	if most := m.g.d.MaxActiveTasks; m.active >= most {
		return phrase.Of("limit.max_active_tasks", m.active, most)
	}
	return phrase.Text{}
}

// Candidates are the instances that may be queued now as far as max_active_tasks of the
// run permits, those with the highest priority first. Whoever queues one tells the machine
// by [Machine.Set] before the next one is taken; the others go on waiting.
func (m *Machine) Candidates() iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		most := m.g.d.MaxActiveTasks
		if !m.sorted && len(m.waiting) > most-m.active {
			m.sortWaiting()
		}
		for n := 0; n < len(m.waiting) && m.active < most; {
			at := m.waiting[n]
			if !yield(at) {
				return
			}
			if n < len(m.waiting) && m.waiting[n] == at {
				n++ // it stays
			}
		}
	}
}

// sortWaiting orders the waiting instances by the weights of their tasks; equal ones keep
// their order.
func (m *Machine) sortWaiting() {
	w := m.g.weights()
	slices.SortStableFunc(m.waiting, func(a, b Slot) int { return cmp.Compare(w[m.task.At(b)], w[m.task.At(a)]) })
	m.sorted = true
}

// Waiting are the instances that are scheduled and wait to be queued. They are not to be
// changed, and change with the machine.
func (m *Machine) Waiting() []Slot { return m.waiting }

// Active is how many instances are queued or running.
func (m *Machine) Active() int { return m.active }

// ActiveOf is how many instances of a task are queued or running. It is counted for tasks
// with max_active_tis_per_dag or max_active_tis_per_dagrun only.
func (m *Machine) ActiveOf(t Task) int { return m.activeOf[t] }

// PoolUse is how many slots of a pool the active instances of the run take.
func (m *Machine) PoolUse(pool string) int { return m.poolUse[pool].active }

// PoolDeferred is how many slots of a pool the deferred instances of the run take where the
// pool includes them.
func (m *Machine) PoolDeferred(pool string) int { return m.poolUse[pool].deferred }

// poolUse is what instances take of a pool.
type poolUse struct{ active, deferred int }

// holdsSlot reports whether an instance in a state takes of the limits.
func holdsSlot(s dag.State) bool { return s == dag.Queued || s == dag.Running }

// account keeps what waits and what is active when a slot goes from one state to another.
func (m *Machine) account(at Slot, old, s dag.State) {
	switch {
	case s == dag.Scheduled:
		m.waiting, m.sorted = append(m.waiting, at), false
	case old == dag.Scheduled:
		n := slices.Index(m.waiting, at)
		m.waiting = slices.Delete(m.waiting, n, n+1)
	}
	i := m.task.At(at)
	n := &m.g.tasks[i]
	by, deferred := btoi(holdsSlot(s))-btoi(holdsSlot(old)), btoi(s == dag.Deferred)-btoi(old == dag.Deferred)
	if by != 0 || deferred != 0 {
		if m.poolUse == nil {
			m.poolUse = map[string]poolUse{}
		}
		use := m.poolUse[n.pool]
		m.poolUse[n.pool] = poolUse{use.active + by*n.poolSlots, use.deferred + deferred*n.poolSlots}
	}
	m.active += by
	if n.limited {
		if m.activeOf == nil {
			m.activeOf = map[Task]int{}
		}
		m.activeOf[i] += by
	}
}
