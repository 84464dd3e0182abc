package chaos

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lease is how long the lease of a node lasts, and least is the shortest fault after which it may be lost: the last renewal may be a
// second ago, and the next one takes its time.
const (
	lease = 3 * time.Second
	least = lease / 2
)

// saying is how long it may take from the end of a command until that is committed: a transaction waits for those of others, and a
// machine that fell silent in the middle of one holds them up for 4 s.
const saying = 10 * time.Second

// late is how long after its end a fault may still be the reason of something: a node that goes on ends what it had begun.
const late = lease

// attemptKey names a try of a task instance.
type attemptKey struct {
	dag, run, task string
	mapIndex, try  int
}

func (k attemptKey) String() string {
	return fmt.Sprintf("try %d of %s/%s/%s[%d]", k.try, k.dag, k.run, k.task, k.mapIndex)
}

// The words of the lines.
const (
	begins    = "begin"     // a command has begun
	ends      = "end"       // it has ended
	stopped   = "stopped"   // it was told to end
	goesWrong = "wrong"     // a fault begins at a node
	dead      = "dead"      // all of the node that the fault kills is gone
	goesRight = "right"     // the fault is over
	committed = "committed" // the store says that a try is over
)

// entry is a line of the ledger: WORD NODE SECONDS, and for tries DAG RUN TASK MAP TRY, for faults KIND. The order of the lines is
// that of what happened: each is appended at once, by whoever it happens to. The seconds are those since the host was started.
type entry struct {
	word, node string
	at         time.Duration
	key        attemptKey
	kind       kind
}

func readLedger(b []byte) (es []entry, err error) {
	for line := range bytes.Lines(b) {
		var e entry
		var seconds float64
		n, err := fmt.Sscan(string(line), &e.word, &e.node, &seconds)
		if err == nil && n == 3 {
			rest := strings.Join(strings.Fields(string(line))[3:], " ")
			if slices.Contains([]string{goesWrong, dead, goesRight}, e.word) {
				_, err = fmt.Sscan(rest, &e.kind)
			} else {
				_, err = fmt.Sscan(rest, &e.key.dag, &e.key.run, &e.key.task, &e.key.mapIndex, &e.key.try)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the ledger, %q: %w", len(es)+1, line, err)
		}
		e.at = time.Duration(seconds * float64(time.Second))
		es = append(es, e)
	}
	return es, nil
}

// ledger is the file, for the test itself.
type ledger struct {
	path string
	mu   sync.Mutex
	file *os.File
}

func newLedger(t *testing.T, path string) *ledger {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return &ledger{path: path, file: f}
}

// write appends lines of a word and a node, each with something behind.
func (l *ledger) write(word, node string, behind ...string) error {
	up, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return err
	}
	seconds, _, _ := strings.Cut(string(up), " ")
	var b strings.Builder
	for _, s := range behind {
		fmt.Fprintf(&b, "%s %s %s %s\n", word, node, seconds, s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.file.WriteString(b.String())
	return err
}

// trouble is a stretch of the ledger in which a node may have lost its lease, and with it what it ran at the beginning: faults
// with no time between them to renew it. A node that is killed or stopped loses what it runs however short that is.
type trouble struct {
	first, last int // entries
	from, to    time.Duration
}

// troubles are those of all nodes. Faults that go on are so until the end.
func troubles(es []entry) map[string][]trouble {
	type stretch struct {
		trouble
		loses bool
		depth int
	}
	now, out := map[string]*stretch{}, map[string][]trouble{}
	end := func(node string) {
		s := now[node]
		if s != nil && (s.loses || s.to-s.from >= least) {
			out[node] = append(out[node], s.trouble)
		}
		delete(now, node)
	}
	for i, e := range es {
		switch e.word {
		case goesWrong:
			s := now[e.node]
			if s != nil && s.depth == 0 && e.at-s.to >= least {
				end(e.node)
				s = nil
			}
			if s == nil {
				s = &stretch{trouble: trouble{first: i, from: e.at}}
				now[e.node] = s
			}
			s.depth++
			s.loses = s.loses || slices.Contains([]kind{crash, kill, stop, delay, unplug}, e.kind)
		case goesRight:
			s := now[e.node]
			s.depth--
			s.last, s.to = i, e.at
		}
	}
	for node, s := range now {
		if s.depth > 0 {
			s.last, s.to = len(es), 1<<62
		}
		end(node)
	}
	return out
}

// attempt is a command that began once.
type attempt struct {
	entry
	index int
	// over is the entry at which nobody may count it any more: its end, the next beginning of the same, or the beginning of a
	// trouble of its node. ended is the entry of its end, 0 without one.
	over, ended int
	// inTrouble says that it began when its node may have had no lease.
	inTrouble bool
}

// limit is how many of some tries there may be at once.
type limit struct {
	name string
	most int
	// of is of which group a try is; empty for none.
	of func(attemptKey) string
}

// rules are what holds for the commands of a ledger.
type rules struct {
	limits []limit
	// again reports whether one try may begin several times: a sensor that looks again.
	again func(attemptKey) bool
	// serves reports whether a node runs a task.
	serves func(node string, k attemptKey) bool
}

// violations are what must not have happened.
func (r rules) violations(es []entry) (vs []string) {
	wrong := troubles(es)
	within := func(node string, i int) bool {
		for _, w := range wrong[node] {
			if w.first <= i && (i <= w.last || es[i].at <= w.to+late) {
				return true
			}
		}
		return false
	}
	var all []*attempt
	last, over := map[attemptKey]*attempt{}, map[attemptKey]int{}
	for i, e := range es {
		switch e.word {
		case begins:
			a := &attempt{entry: e, index: i, over: len(es), inTrouble: within(e.node, i)}
			for _, w := range wrong[e.node] {
				if w.first > i {
					a.over = min(a.over, w.first)
				}
			}
			if !r.serves(e.node, e.key) {
				vs = append(vs, fmt.Sprintf("line %d: %s ran on %s, which does not serve its queue", i+1, e.key, e.node))
			}
			if at, ok := over[e.key]; ok && !a.inTrouble {
				vs = append(vs, fmt.Sprintf("line %d: %s began on %s, and was over by line %d", i+1, e.key, e.node, at+1))
			}
			if was := last[e.key]; was != nil {
				was.over = min(was.over, i)
				if !r.again(e.key) && !lostBetween(es, wrong[was.node], was, i) && !a.inTrouble {
					vs = append(vs, fmt.Sprintf("line %d: %s began on %s, although nothing went wrong with %s, where it had begun in line %d", i+1, e.key, e.node, was.node, was.index+1))
				}
			}
			last[e.key] = a
			all = append(all, a)
		case ends, stopped:
			if a := last[e.key]; a != nil && a.node == e.node {
				a.over, a.ended = min(a.over, i), cmp.Or(a.ended, i)
			}
		case committed:
			over[e.key] = i
		}
	}
	for _, l := range r.limits {
		vs = append(vs, l.violations(all)...)
	}
	return vs
}

// lostBetween reports whether the node of an attempt may have lost it before another one began: while it ran, or before it had
// said that it was over.
func lostBetween(es []entry, wrong []trouble, was *attempt, next int) bool {
	until := es[next].at
	if was.ended != 0 {
		until = min(until, es[was.ended].at+saying)
	}
	for _, w := range wrong {
		if w.first < next && w.from <= until && w.to+late >= was.at {
			return true
		}
	}
	return false
}

// violations looks at each beginning how many there are. What is on a node that may have lost its lease is not counted: others may
// have what it had.
func (l limit) violations(all []*attempt) (vs []string) {
	active := map[string][]*attempt{}
	for _, a := range all {
		group := l.of(a.key)
		if group == "" {
			continue
		}
		now := slices.DeleteFunc(active[group], func(b *attempt) bool { return b.over <= a.index })
		if !a.inTrouble {
			now = append(now, a)
		}
		active[group] = now
		if len(now) > l.most {
			var who []string
			for _, b := range now {
				who = append(who, fmt.Sprintf("%s on %s since line %d", b.key, b.node, b.index+1))
			}
			vs = append(vs, fmt.Sprintf("line %d: %s of %s has %d of %d: %s", a.index+1, l.name, group, len(now), l.most, strings.Join(who, ", ")))
		}
	}
	return vs
}

// runsAtOnce looks how many runs of a DAG there are at once: one is at work from the first to the last of its tries.
func (r rules) runsAtOnce(es []entry, dagID string, most int) (vs []string) {
	wrong := troubles(es)
	first, last := map[string]int{}, map[string]int{}
	for i, e := range es {
		if e.word != begins || e.key.dag != dagID || slices.ContainsFunc(wrong[e.node], func(w trouble) bool { return w.first <= i && e.at <= w.to+late }) {
			continue
		}
		if _, ok := first[e.key.run]; !ok {
			first[e.key.run] = i
		}
		last[e.key.run] = i
	}
	for _, run := range slices.Sorted(maps.Keys(first)) {
		var with []string
		for other, begin := range first {
			if begin <= first[run] && first[run] <= last[other] {
				with = append(with, other)
			}
		}
		if len(with) > most {
			slices.Sort(with)
			vs = append(vs, fmt.Sprintf("line %d: %d runs of %s at once, of %d: %s", first[run]+1, len(with), dagID, most, with))
		}
	}
	return vs
}

// What is wrong in a ledger is found, and what a fault may do is not called wrong.
func TestViolations(t *testing.T) {
	t.Parallel()
	r := rules{
		limits: []limit{{"pool", 1, func(k attemptKey) string { return map[string]string{"p": "pool", "s": "pool"}[k.task] }}},
		again:  func(k attemptKey) bool { return k.task == "s" },
		serves: func(node string, k attemptKey) bool { return k.task != "gpu" || node == "b" },
	}
	for name, tc := range map[string]struct {
		lines string
		want  []string
	}{
		"in order":     {"begin a 1 d r p -1 1/end a 2 d r p -1 1/committed - 2 d r p -1 1/begin b 3 d r2 p -1 1", nil},
		"a sensor":     {"begin a 1 d r s -1 1/end a 2 d r s -1 1/begin b 3 d r s -1 1/end b 4 d r s -1 1", nil},
		"over":         {"begin a 1 d r x -1 1/end a 2 d r x -1 1/committed - 2 d r x -1 1/begin b 3 d r x -1 1", []string{"was over by line 3", "nothing went wrong with a"}},
		"twice":        {"begin a 1 d r x -1 1/begin b 3 d r x -1 1", []string{"nothing went wrong with a"}},
		"another try":  {"begin a 1 d r x -1 1/end a 2 d r x -1 1/begin b 3 d r x -1 2", nil},
		"killed":       {"begin a 1 d r x -1 1/wrong a 2 crash/dead a 2 crash/begin b 6 d r x -1 1/right a 7 crash", nil},
		"frozen":       {"begin a 1 d r x -1 1/wrong a 2 freeze/begin b 6 d r x -1 1/right a 7 freeze", nil},
		"too short":    {"begin a 1 d r x -1 1/wrong a 2 freeze/right a 2.5 freeze/begin b 6 d r x -1 1", []string{"nothing went wrong with a"}},
		"in a row":     {"begin a 1 d r x -1 1/wrong a 2 freeze/right a 3 freeze/wrong a 3.5 refuse/right a 4.5 refuse/begin b 6 d r x -1 1", nil},
		"of another":   {"begin a 1 d r x -1 1/wrong b 2 crash/begin c 6 d r x -1 1/right b 7 crash", []string{"nothing went wrong with a"}},
		"long before":  {"wrong a 1 crash/right a 2 crash/begin a 8 d r x -1 1/begin b 9 d r x -1 1", []string{"nothing went wrong with a"}},
		"long after":   {"begin a 1 d r x -1 1/end a 2 d r x -1 1/wrong a 13 crash/begin b 16 d r x -1 1/right a 16 crash", []string{"nothing went wrong with a"}},
		"pool":         {"begin a 1 d r p -1 1/begin b 1 d r2 p -1 1", []string{"pool of pool has 2 of 1"}},
		"pool lost":    {"begin a 1 d r p -1 1/wrong a 2 sleep/begin b 4 d r2 p -1 1/right a 5 sleep", nil},
		"pool blinked": {"begin a 1 d r p -1 1/wrong a 2 sleep/begin b 2 d r2 p -1 1/right a 2.5 sleep", []string{"pool of pool has 2 of 1"}},
		"queue":        {"begin b 1 d r gpu -1 1/begin a 1 d r2 gpu -1 1", []string{"does not serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			es, err := readLedger([]byte(strings.ReplaceAll(tc.lines, "/", "\n") + "\n"))
			require.NoError(t, err)
			vs := r.violations(es)
			require.Len(t, vs, len(tc.want), "%s", vs)
			for i, want := range tc.want {
				assert.Contains(t, vs[i], want)
			}
		})
	}
	es, err := readLedger([]byte("begin a 1 d r1 x -1 1\nbegin a 1 d r2 x -1 1\nbegin a 2 d r1 y -1 1\nbegin a 2 d r3 x -1 1\nbegin a 2 d r2 y -1 1\nbegin a 3 d r3 y -1 1\n"))
	require.NoError(t, err)
	assert.Empty(t, r.runsAtOnce(es, "d", 2))
	assert.Len(t, r.runsAtOnce(es, "d", 1), 2)
	_, err = readLedger([]byte("begin a 1 d r1 x -1 1\nbegin a\n"))
	assert.ErrorContains(t, err, "line 2 of the ledger")
}
