package dag

import "time"

// RunID is the id of a run of the given type, in Airflow's form: the type and the
// moment after which it runs.
func RunID(t RunType, at time.Time) string {
	return string(t) + "__" + ISOFormat(at, "T")
}

// ISOFormat writes a moment as Python's isoformat does: in UTC, with six digits of a
// fraction or none, and sep between date and time.
func ISOFormat(t time.Time, sep string) string {
	fraction := ""
	if t.Nanosecond()/int(time.Microsecond) > 0 {
		fraction = ".000000"
	}
	return t.UTC().Format("2006-01-02" + sep + "15:04:05" + fraction + "-07:00")
}
