package show

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dingdag/dingdag/dag"
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

// colored reports whether output to w is coloured.
func colored(w io.Writer) bool {
	c := ConsoleOf(w)
	return c.Terminal && !c.Plain
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

// table writes the list for people: on a terminal so that it fits, with states in colour.
func (l *List) table(w io.Writer) error {
	room := 0
	if c := ConsoleOf(w); c.Terminal {
		room = c.Width
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
	t := newTable(w, f)
	var above []string
	for _, r := range l.rows {
		t.AppendRow(f.row(w, r, above))
		if room > 0 {
			above = r
		}
	}
	t.Render()
	return l.sayLeft(w, f, room)
}

// row is a row of the table, below another one on a terminal.
func (f *fitted) row(w io.Writer, cells, above []string) table.Row {
	row := make(table.Row, len(f.shown))
	for n, i := range f.shown {
		switch name := f.list.Columns[i]; {
		case name == f.list.Once && above != nil && above[i] == cells[i]:
			row[n] = ""
		case slices.Contains(stateColumns, name):
			row[n] = State(w, cells[i])
		default:
			row[n] = cells[i]
		}
	}
	return row
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
func (l *List) sayLeft(w io.Writer, f *fitted, room int) error {
	var notes []string
	if l.Zone != nil && room > 0 && slices.ContainsFunc(f.shown, func(i int) bool { return slices.Contains(timeColumns, l.Columns[i]) }) {
		notes = append(notes, "times in "+l.Zone.String())
	}
	if len(f.left) > 0 {
		notes = append(notes, "left out: "+strings.Join(f.left, ", ")+" (-o json has all)")
	}
	for n, i := range f.shown {
		if f.widths[n] > 0 && !slices.Contains(l.Wrap, l.Columns[i]) {
			notes = append(notes, "what does not fit continues below: -o plain has it in one line")
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

func newTable(w io.Writer, f *fitted) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	t.Style().Format.Header = text.FormatDefault
	header := make(table.Row, len(f.shown))
	var wrapped []table.ColumnConfig
	for n, i := range f.shown {
		header[n] = f.list.Columns[i]
		if f.widths[n] > 0 {
			wrapped = append(wrapped, table.ColumnConfig{Number: n + 1, WidthMax: f.widths[n], WidthMaxEnforcer: text.WrapSoft})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(wrapped)
	return t
}
