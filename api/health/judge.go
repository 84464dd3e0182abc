package health

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// judge fills in what is known and says what is wrong with it, what is worst first. p is nil where
// another process schedules.
func (c *Checker) judge(h *Health, f *facts, p *Process) {
	h.Problems, h.Robots, h.Applications, h.UnservedQueues, h.ClocksOff, h.LogsWaiting = []Problem{}, []Robot{}, []Application{}, []UnservedQueue{}, []ClockOff{}, []LogsWaiting{}
	c.judgeStore(h, f)
	if f.err == "" {
		c.judgeScheduler(h, f, p)
		c.judgeOutbox(h, f)
		c.judgeRobots(h, f)
		c.judgeApplications(h, f, p)
		c.judgeFiles(h, f)
		c.judgeNodes(h, f)
	} else {
		h.Scheduler.Status, h.Outbox.Status = Unknown, Unknown
	}
	if p != nil {
		h.Scheduler.LatestHeartbeat = moment(p.Beat)
		h.Scheduler.LatestPass, h.Scheduler.LatestRound = moment(p.Pass), moment(p.Round)
	}
	if h.HeartbeatURL != nil && h.HeartbeatURL.Failing {
		h.add("heartbeat_url", Warning, phrase.Of("health.heartbeat_url"), "")
	}
	h.Status = Healthy
	if slices.ContainsFunc(h.Problems, func(p Problem) bool { return p.Severity == Error }) {
		h.Status = Unhealthy
	}
	slices.SortStableFunc(h.Problems, func(x, y Problem) int { return strings.Compare(string(x.Severity), string(y.Severity)) })
}

func (h *Health) add(part string, s Severity, text phrase.Text, command string) {
	h.Problems = append(h.Problems, Problem{part, s, text.String(), text, command})
}

func (c *Checker) command(rest string) string { return c.o.Program + " " + rest }

func (c *Checker) judgeStore(h *Health, f *facts) {
	h.Store = Store{Status: Healthy}
	if f.err != "" {
		h.Store = Store{Status: Unhealthy, Error: f.err}
		h.add("store", Error, f.text, "")
	}
}

func (c *Checker) judgeScheduler(h *Health, f *facts, p *Process) {
	h.Scheduler = Scheduler{Status: Healthy, LeasedUntil: moment(f.leasedUntil)}
	if f.life != nil {
		h.Scheduler.LatestHeartbeat = moment(f.life.SeenAt)
	}
	wrong := func(text phrase.Text, command string) {
		h.Scheduler.Status = Unhealthy
		h.add("scheduler", Error, text, command)
	}
	late := f.now.Sub(f.leasedUntil) // the clock of this machine may be another one
	stopped := f.life != nil && f.life.Stopped && late > 0
	switch {
	case p != nil && !p.Working:
		wrong(phrase.Of("health.not_working"), "")
	case f.leasedUntil.IsZero():
		wrong(phrase.Of("health.scheduler_never"), c.command("standalone"))
	case stopped:
		wrong(phrase.Of("health.scheduler_stopped", late), c.command("standalone"))
	case late > Late:
		wrong(phrase.Of("health.scheduler_lost", late), c.command("standalone"))
	case p != nil && !p.Follows:
		for _, x := range []struct {
			last time.Time
			what phrase.Text
		}{{p.Beat, phrase.Of("health.beat")}, {p.Pass, phrase.Of("health.pass")}, {p.Round, phrase.Of("health.round")}} {
			from := p.Started
			if x.last.After(from) {
				from = x.last
			}
			if stands := h.At.Sub(from); stands > Stuck {
				wrong(phrase.Of("health.scheduler_stuck", x.what, stands), "")
			}
		}
	}
}

func (c *Checker) judgeOutbox(h *Health, f *facts) {
	h.Outbox = Outbox{Status: Healthy, Waiting: f.waiting}
	if f.oldest != nil {
		h.Outbox.OldestWaiting = moment(f.oldest.CreatedAt)
		h.Outbox.OldestWaitingSeconds = max(h.At.Sub(f.oldest.CreatedAt), 0).Seconds()
	}
	var refused, uncertain, overdue []int64
	for _, a := range f.undelivered {
		switch a.State {
		case store.DeliveryRefused:
			refused = append(refused, a.ID)
		case store.DeliveryUncertain:
			uncertain = append(uncertain, a.ID)
		default:
			overdue = append(overdue, a.ID)
		}
	}
	h.Outbox.Refused, h.Outbox.Uncertain, h.Outbox.Overdue = len(refused), len(uncertain), len(overdue)
	for _, x := range []struct {
		ids  []int64
		what phrase.Text
	}{
		{refused, phrase.Of("health.refused")},
		{uncertain, phrase.Of("health.uncertain")},
		{overdue, phrase.Of("health.overdue", api.AlertWaits)},
	} {
		if len(x.ids) > 0 {
			h.Outbox.Status = Unhealthy
			h.add("outbox", Error, phrase.Of("health.alerts", x.what, len(x.ids), some(x.ids)), c.command("alerts check"))
		}
	}
	if h.Outbox.KeptBack = f.keptBack; f.keptBack > 0 {
		h.add("outbox", Warning, phrase.Of("health.kept_back", f.keptBack), c.command("alerts list --state refused --unacked"))
	}
}

func (c *Checker) judgeRobots(h *Health, f *facts) {
	for _, g := range f.gates {
		r := Robot{Name: c.o.Masker.Mask(g.Name), Quota: g.Quota}
		if g.Month == gate.Month(h.At) {
			r.SentThisMonth = g.Sent
		}
		if !g.GoneAt.IsZero() && !followed(g, f.gates) {
			r.GoneSince = moment(g.GoneAt)
			h.add("robots", Warning, phrase.Of("health.robot_gone", r.Name, h.At.Sub(g.GoneAt), c.o.Masker.Mask(g.Gone)), c.command("connections edit "+r.Name))
		}
		if g.ClosedUntil.After(h.At) {
			r.ClosedUntil = moment(g.ClosedUntil)
			h.add("robots", Warning, phrase.Of("health.robot_closed", r.Name, g.ClosedUntil.Sub(h.At)), c.command("alerts list --state waiting"))
		}
		if r.Quota > 0 && r.SentThisMonth >= r.Quota {
			h.add("robots", Warning, phrase.Of("health.robot_spent", r.Name, r.Quota), c.command("connections get "+r.Name))
		}
		h.Robots = append(h.Robots, r)
	}
}

// followed reports whether the connection of a robot has been used for another one since that was gone.
func followed(g *store.Gate, all []*store.Gate) bool {
	return slices.ContainsFunc(all, func(o *store.Gate) bool {
		return o.Robot != g.Robot && o.Name == g.Name && o.EnteredAt.After(g.GoneAt)
	})
}

func (c *Checker) judgeFiles(h *Health, f *facts) {
	h.ImportErrors.Count = len(f.broken)
	if len(f.broken) == 0 {
		return
	}
	h.ImportErrors.Since = moment(f.broken[0].Since) // they are in the order in which they were seen
	h.add("import_errors", Warning, phrase.Of("health.broken_files", len(f.broken)), c.command("dags list-import-errors"))
}

// judgeNodes tells of tasks that no node takes, of clocks and secret keys that differ, and of logs that wait.
func (c *Checker) judgeNodes(h *Health, f *facts) {
	for _, b := range f.unserved {
		q := UnservedQueue{Queue: c.o.Masker.Mask(b.Queue), Tasks: b.Jobs, Since: b.Since.UTC()}
		h.UnservedQueues = append(h.UnservedQueues, q)
		h.add("queues", Warning, phrase.Of("health.unserved", f.now.Sub(b.Since), q.Queue, q.Tasks), c.command("nodes list"))
	}
	others, first := store.OtherKeys(f.living)
	for _, n := range others {
		h.add("keys", Warning, phrase.Of("health.other_key", n.ID, first.ID), c.command("nodes list"))
	}
	for _, n := range f.living {
		if n.LogsWaitingFor > store.LogsPatience {
			h.LogsWaiting = append(h.LogsWaiting, LogsWaiting{Node: n.ID, Logs: n.LogsWaiting, OldestSeconds: n.LogsWaitingFor.Seconds()})
			h.add("logs", Warning, phrase.Of("health.logs_wait", n.ID, n.LogsWaitingFor, n.LogsWaiting), c.command("nodes list"))
		}
		if !n.ClockIsOff() {
			continue
		}
		h.ClocksOff = append(h.ClocksOff, ClockOff{Node: n.ID, AheadSeconds: n.ClockAhead.Seconds()})
		if n.ClockAhead > 0 {
			h.add("nodes", Warning, phrase.Of("health.clock_ahead", n.ID, n.ClockAhead), c.command("nodes list"))
		} else {
			h.add("nodes", Warning, phrase.Of("health.clock_behind", n.ID, -n.ClockAhead), c.command("nodes list"))
		}
	}
}

// some are the first of many numbers.
func some(ids []int64) phrase.Text {
	const most = 5
	var words []string
	for _, id := range ids[:min(len(ids), most)] {
		words = append(words, strconv.FormatInt(id, 10))
	}
	if len(ids) > most {
		words = append(words, "…")
	}
	return phrase.Names(words...)
}

// span is how long something takes, to the second.
func span(d time.Duration) string {
	text := max(d, 0).Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// ago is how long something has been over.
func ago(d time.Duration) string { return span(d) + " ago" }
