package show

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dingdag/dingdag/dag"
)

const (
	// padding is what stands around a cell, in columns.
	padding = 2
	// wrapFrom is the width from which on text may be wrapped, in columns: narrower it reads badly,
	// and another column goes first.
	wrapFrom = 24
)

// stateColumns are the columns whose cells are states.
var stateColumns = []string{"State", "Becomes", "Last run"} //nolint:gochecknoglobals // a constant

// timeColumns are those whose cells are moments, or have some.
var timeColumns = []string{"Start", "Started", "End", "Ended", "Logical date", "Run after", "Data interval", "Next run", "From", "To"} //nolint:gochecknoglobals // a constant

// offsetMoment is a moment as a command writes it.
var offsetMoment = regexp.MustCompile(`(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:Z|[+-]\d\d:\d\d)`)

// stateColors are Airflow's, in the 16 colours that every terminal has.
var stateColors = map[string]text.Colors{ //nolint:gochecknoglobals // a constant table
	string(dag.Success):         {text.FgGreen},
	string(dag.Running):         {text.FgHiCyan},
	string(dag.Failed):          {text.FgRed, text.Bold},
	string(dag.UpstreamFailed):  {text.FgYellow},
	string(dag.UpForRetry):      {text.FgHiYellow},
	string(dag.UpForReschedule): {text.FgCyan},
	string(dag.Restarting):      {text.FgHiMagenta},
	string(dag.Skipped):         {text.FgMagenta},
	string(dag.Queued):          {text.FgHiBlack},
	string(dag.Scheduled):       {text.FgHiBlack},
	string(dag.Removed):         {text.FgHiBlack},
	dag.None.String():           {text.FgHiBlack},
}

// colored reports whether output to w is coloured: on a terminal, unless NO_COLOR is set
// (no-color.org) or the terminal is dumb.
func colored(w io.Writer) bool {
	return IO{Out: w}.Terminal() && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// State is the name of a state in its colour, where w shows colours.
func State(w io.Writer, state string) string {
	if c, ok := stateColors[state]; ok && colored(w) {
		return c.Sprint(state)
	}
	return state
}

// Took is how long something took, or has taken until now; empty before it begins.
func Took(start, end, now time.Time) string {
	if start.IsZero() {
		return ""
	}
	if end.IsZero() {
		end = now
	}
	d := max(end.Sub(start), 0)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// fitted is the list as it fits a terminal of so many columns: without what need not be
// seen, and with the widths to which the others are wrapped. 0 columns is no terminal.
type fitted struct {
	heading string // a cell that all rows share
	shown   []int  // the columns, by number
	widths  []int  // for each of those; 0 is as wide as it is
	left    []string
}

// fit chooses what of the list is shown.
func (l *List) fit(room int) fitted {
	var f fitted
	natural := make([]int, len(l.Columns))
	for i, name := range l.Columns {
		f.shown = append(f.shown, i)
		natural[i] = text.StringWidthWithoutEscSequences(name)
		for _, r := range l.rows {
			natural[i] = max(natural[i], text.LongestLineLen(r[i]))
		}
	}
	f.widths = make([]int, len(l.Columns))
	if room <= 0 {
		return f
	}
	if i := slices.Index(l.Columns, l.Once); i >= 0 && len(l.rows) > 0 && l.allSame(i) {
		f.heading = l.Columns[i] + ": " + l.rows[0][i]
		f.shown = slices.Delete(f.shown, i, i+1)
	}
	need := func(least int) int {
		sum := 0
		for _, i := range f.shown {
			w := natural[i]
			if slices.Contains(l.Wrap, l.Columns[i]) {
				w = min(w, least)
			}
			sum += w + padding
		}
		return sum
	}
	leave := func(name string) bool {
		n := slices.Index(f.shown, slices.Index(l.Columns, name))
		if n < 0 || need(wrapFrom) <= room {
			return false
		}
		f.shown = slices.Delete(f.shown, n, n+1)
		return true
	}
	for _, name := range l.Drop { // what is empty tells nothing
		if l.allSame(slices.Index(l.Columns, name)) && len(l.rows) > 0 && l.rows[0][slices.Index(l.Columns, name)] == "" {
			leave(name)
		}
	}
	for _, name := range l.Drop {
		if leave(name) {
			f.left = append(f.left, name)
		}
	}
	f.widths = slices.Repeat([]int{0}, len(f.shown))
	for over := need(1<<30) - room; over > 0; over-- { // narrow what is widest, by a column at a time
		if n := l.widest(f, natural); n >= 0 {
			f.widths[n] = f.width(n, natural) - 1
		}
	}
	return f
}

// width is the width of the n-th column that is shown.
func (f fitted) width(n int, natural []int) int {
	if f.widths[n] > 0 {
		return f.widths[n]
	}
	return natural[f.shown[n]]
}

// widest is the widest column that may be wrapped, or of all when those are narrow
// already.
func (l *List) widest(f fitted, natural []int) int {
	best, other := -1, -1
	for n, i := range f.shown {
		w := f.width(n, natural)
		if slices.Contains(l.Wrap, l.Columns[i]) && w > wrapFrom && (best < 0 || w > f.width(best, natural)) {
			best = n
		}
		if w > 1 && (other < 0 || w > f.width(other, natural)) {
			other = n
		}
	}
	if best < 0 {
		return other
	}
	return best
}

func (l *List) allSame(column int) bool {
	for _, r := range l.rows {
		if r[column] != l.rows[0][column] {
			return false
		}
	}
	return true
}

// table writes the list for people: on a terminal so that it fits, with states in colour.
func (l *List) table(w io.Writer) error {
	room := 0
	if o := (IO{Out: w}); o.Terminal() {
		room = o.Width()
	}
	if room > 0 && l.Zone != nil {
		l = l.withoutOffsets()
	}
	f := l.fit(room)
	if f.heading != "" {
		if _, err := io.WriteString(w, f.heading+"\n"); err != nil {
			return err
		}
	}
	var (
		names   []string
		configs []table.ColumnConfig
	)
	for n, i := range f.shown {
		names = append(names, l.Columns[i])
		if f.widths[n] > 0 {
			configs = append(configs, table.ColumnConfig{Number: n + 1, WidthMax: f.widths[n], WidthMaxEnforcer: text.WrapSoft})
		}
	}
	t := newTable(w, names)
	t.SetColumnConfigs(configs)
	var above []string
	for _, r := range l.rows {
		row := make(table.Row, len(f.shown))
		for n, i := range f.shown {
			cell := r[i]
			switch {
			case room > 0 && l.Columns[i] == l.Once && above != nil && above[i] == cell:
				cell = ""
			case slices.Contains(stateColumns, l.Columns[i]):
				cell = State(w, cell)
			}
			row[n] = cell
		}
		above = r
		t.AppendRow(row)
	}
	t.Render()
	return l.sayLeft(w, f, room)
}

// withoutOffsets is the list with moments that do without their offset, which the last line
// of the table makes up for.
func (l *List) withoutOffsets() *List {
	short := *l
	short.rows = make([][]string, len(l.rows))
	for n, r := range l.rows {
		short.rows[n] = slices.Clone(r)
		for i, cell := range r {
			if slices.Contains(timeColumns, l.Columns[i]) {
				short.rows[n][i] = offsetMoment.ReplaceAllString(cell, "$1 $2")
			}
		}
	}
	return &short
}

// sayLeft says what the table does not show as it is.
func (l *List) sayLeft(w io.Writer, f fitted, room int) error {
	var notes []string
	if l.Zone != nil && room > 0 && slices.ContainsFunc(f.shown, func(i int) bool { return slices.Contains(timeColumns, l.Columns[i]) }) {
		notes = append(notes, "times in "+l.Zone.String())
	}
	if len(f.left) > 0 {
		notes = append(notes, "left out: "+strings.Join(f.left, ", ")+" (-o json has all)")
	}
	for n, i := range f.shown {
		if f.widths[n] > 0 && !slices.Contains(l.Wrap, l.Columns[i]) {
			notes = append(notes, "what does not fit goes on below: -o plain has it in one line")
			break
		}
	}
	for _, note := range notes {
		note = text.WrapSoft(note, room)
		if colored(w) {
			note = text.Faint.Sprint(note)
		}
		if _, err := io.WriteString(w, note+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func newTable(w io.Writer, columns []string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	t.Style().Format.Header = text.FormatDefault
	header := make(table.Row, len(columns))
	for i, c := range columns {
		header[i] = c
	}
	t.AppendHeader(header)
	return t
}
