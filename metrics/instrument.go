package metrics

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// form is a metric without the labels that are dropped.
type form struct {
	Metric
	keep []int // the labels that are left, by their place
}

// form drops the labels of DAGs and tasks as far as somebody wants that.
func (m *Metrics) form(of Metric) form {
	f := form{Metric: of}
	f.Labels = nil
	for i, l := range of.Labels {
		if l == dagLabel && m.o.Labels == LabelNone || l == taskLabel && m.o.Labels != LabelTask {
			continue
		}
		f.Labels, f.keep = append(f.Labels, l), append(f.keep, i)
	}
	return f
}

// values are those of the labels that are left.
func (f *form) values(all []string) []string {
	if len(f.keep) == len(all) && !slices.ContainsFunc(all, func(v string) bool { return !utf8.ValidString(v) }) {
		return all
	}
	left := make([]string, len(f.keep))
	for i, at := range f.keep {
		left[i] = strings.ToValidUTF8(all[at], "\uFFFD") // Prometheus takes nothing else
	}
	return left
}

// desc describes it to Prometheus.
func (f *form) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, f.Fixed)
}

// counter counts.
type counter struct {
	form
	vec *prometheus.CounterVec
}

func (m *Metrics) counter(of Metric) counter {
	f := m.form(of)
	c := counter{f, prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)}
	m.registry.MustRegister(c.vec)
	if len(f.Labels) == 0 {
		c.vec.WithLabelValues() // it is 0 from the beginning
	}
	return c
}

func (c *counter) add(n float64, labels ...string) {
	c.vec.WithLabelValues(c.values(labels)...).Add(n)
}

// histogram counts durations by how long they are.
type histogram struct {
	form
	vec *prometheus.HistogramVec
}

func (m *Metrics) histogram(of Metric) histogram {
	f := m.form(of)
	h := histogram{f, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: of.buckets}, f.Labels)}
	m.registry.MustRegister(h.vec)
	if len(f.Labels) == 0 {
		h.vec.WithLabelValues()
	}
	return h
}

func (h *histogram) took(d time.Duration, labels ...string) {
	h.vec.WithLabelValues(h.values(labels)...).Observe(max(d, 0).Seconds())
}

const (
	// recent is how far back a quantile looks, as that of the exporter of StatsD does.
	recent = 10 * time.Minute
	// remembered is how many durations of a series it looks at.
	remembered = 32
)

// quantiles are those of the exporter of StatsD.
var quantiles = [...]float64{0.5, 0.9, 0.99} //nolint:gochecknoglobals // a constant

// timings is a summary as the exporter of StatsD makes it of a timer, with little memory for each of many series: its
// quantiles are those of the last durations of a series.
type timings struct {
	form
	described *prometheus.Desc
	clock     func() time.Time

	mu sync.Mutex
	by map[string]*timing
}

// timing is one series.
type timing struct {
	labels []string
	count  uint64
	sum    float64
	last   []moment // a ring once it is full
	next   int
}

// moment is a duration in seconds, and when it was over.
type moment struct {
	at      time.Time
	seconds float64
}

func (m *Metrics) timings(of Metric) *timings {
	f := m.form(of)
	t := &timings{form: f, described: f.desc(), clock: m.o.Clock, by: map[string]*timing{}}
	m.registry.MustRegister(t)
	return t
}

func (t *timings) took(d time.Duration, labels ...string) {
	labels = t.values(labels)
	key, seconds := strings.Join(labels, "\x00"), max(d, 0).Seconds()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.by[key]
	if s == nil {
		s = &timing{labels: slices.Clone(labels)}
		t.by[key] = s
	}
	s.count++
	s.sum += seconds
	m := moment{t.clock(), seconds}
	if len(s.last) < remembered {
		s.last = append(s.last, m)
		return
	}
	s.last[s.next] = m
	s.next = (s.next + 1) % remembered
}

// Describe implements [prometheus.Collector].
func (t *timings) Describe(to chan<- *prometheus.Desc) { to <- t.described }

// Collect implements it.
func (t *timings) Collect(to chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := t.clock().Add(-recent)
	for _, s := range t.by {
		to <- prometheus.MustNewConstSummary(t.described, s.count, s.sum, s.quantiles(since), s.labels...)
	}
}

// quantiles are those of the durations that were over since a moment: no number when there are none.
func (s *timing) quantiles(since time.Time) map[float64]float64 {
	var seconds []float64
	for _, m := range s.last {
		if m.at.After(since) {
			seconds = append(seconds, m.seconds)
		}
	}
	slices.SortFunc(seconds, cmp.Compare[float64])
	q := map[float64]float64{}
	for _, of := range quantiles {
		if q[of] = math.NaN(); len(seconds) > 0 {
			q[of] = seconds[max(int(math.Ceil(of*float64(len(seconds))))-1, 0)]
		}
	}
	return q
}

// mostNames is how many DAGs and tasks have series of their own.
const mostNames = 20_000

// others is the DAG and the task of all that come after those.
const others = "_others_"

// names bounds how many DAGs and tasks there are in the memory of a process that runs for long.
type names struct {
	mu   sync.Mutex
	seen map[[2]string]struct{}
}

// of is a DAG and its task, empty for none, or others in their place.
func (n *names) of(dagID, taskID string) (dag, task string) {
	k := [2]string{dagID, taskID}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.seen[k]; ok {
		return dagID, taskID
	}
	if len(n.seen) >= mostNames {
		return others, others
	}
	n.seen[k] = struct{}{}
	return dagID, taskID
}
