package reading

import (
	"cmp"
	"slices"

	"github.com/dingdag/dingdag/dag"
)

// MaxDiagnostics is how many findings of one file are reported.
const MaxDiagnostics = 100

// concerning adds a DAG to those that a finding is about. The DAGs come one after another.
func concerning(d dag.Diagnostic, dagID string) dag.Diagnostic {
	last := d.DAGID
	if n := len(d.Also); n > 0 {
		last = d.Also[n-1]
	}
	if dagID != "" && d.DAGID != "" && dagID != last {
		d.Also = append(d.Also, dagID)
	}
	return d
}

// limited returns the list sorted and cut to MaxDiagnostics. Warnings are cut first:
// a file that is in error must not look clean.
func limited(ds dag.Diagnostics) dag.Diagnostics {
	ds.Sort()
	if len(ds) > MaxDiagnostics {
		slices.SortStableFunc(ds, func(a, b dag.Diagnostic) int { return cmp.Compare(a.Severity, b.Severity) })
		ds = ds[:MaxDiagnostics:MaxDiagnostics]
		ds.Sort()
	}
	return ds
}
