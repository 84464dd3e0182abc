package dag

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity says how bad a finding is.
type Severity string

// The severities. Only an error keeps a DAG from loading.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one finding in a DAG file. Line and Column count from 1 and are 0
// when the finding has no place; DAGID and TaskID are empty when it concerns the
// whole file or the whole DAG.
type Diagnostic struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	DAGID    string   `json:"dag_id,omitempty"`
	TaskID   string   `json:"task_id,omitempty"`
	// Also are further DAGs that the same place breaks or concerns, such as those that take
	// it from the default block.
	Also []string `json:"also,omitempty"`
	Text string   `json:"text"`
}

// Equal reports whether two findings are the same.
func (d Diagnostic) Equal(other Diagnostic) bool {
	return d.File == other.File && d.Line == other.Line && d.Column == other.Column && d.Severity == other.Severity &&
		d.DAGID == other.DAGID && d.TaskID == other.TaskID && d.Text == other.Text && slices.Equal(d.Also, other.Also)
}

// Concerns reports whether the finding is about a DAG, or about its whole file.
func (d Diagnostic) Concerns(dagID string) bool {
	return d.DAGID == "" || d.DAGID == dagID || slices.Contains(d.Also, dagID)
}

// shownDAGs is how many further DAGs a finding names on its line.
const shownDAGs = 5

// alsoText names the further DAGs.
func (d Diagnostic) alsoText() string {
	if len(d.Also) == 0 {
		return ""
	}
	names := make([]string, 0, shownDAGs)
	for _, id := range d.Also[:min(shownDAGs, len(d.Also))] {
		names = append(names, strconv.Quote(id))
	}
	more := ""
	if n := len(d.Also) - shownDAGs; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return " (also " + strings.Join(names, ", ") + more + ")"
}

// String returns the finding as one line:
//
//	dags/orders.yaml:14:7: error: dag "orders", task "load": unknown parameter …
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.File)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	fmt.Fprintf(&b, ": %s: ", d.Severity)
	switch {
	case d.DAGID != "" && d.TaskID != "":
		fmt.Fprintf(&b, "dag %q%s, task %q: ", d.DAGID, d.alsoText(), d.TaskID)
	case d.DAGID != "":
		fmt.Fprintf(&b, "dag %q%s: ", d.DAGID, d.alsoText())
	}
	b.WriteString(d.Text)
	return b.String()
}

// Diagnostics is a list of findings, sorted by file and position.
type Diagnostics []Diagnostic

// HasErrors reports whether any finding is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// String returns one line for each finding.
func (ds Diagnostics) String() string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Sort orders the findings by file and position.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Text, b.Text),
		)
	})
}
