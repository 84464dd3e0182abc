package timetable

// Mode says what the data interval of a timetable's runs is.
type Mode string

const (
	// ModeTrigger is Airflow 3's default: a run fires at its tick, its logical date
	// is the tick, and its data interval is empty.
	ModeTrigger Mode = "trigger"
	// ModeDataInterval is Airflow 2's way: a run fires at the end of the data
	// interval that it covers, and its logical date is the interval's start.
	ModeDataInterval Mode = "data-interval"
)

// String returns the words that [Timetable.Summary] uses, for instance "trigger mode".
func (m Mode) String() string { return string(m) + " mode" }

// ModeOf returns the mode of t. A template that reads data_interval_start and
// data_interval_end of a DAG in [ModeTrigger] selects nothing, which is worth a
// warning. A timetable from outside this package counts as ModeDataInterval.
func ModeOf(t Timetable) Mode {
	if m, ok := t.(interface{ mode() Mode }); ok {
		return m.mode()
	}
	return ModeDataInterval
}

// Warnings returns what is valid but surely unwanted in t, for instance a cron
// expression that names only days that do not exist. It is nil when all is well.
func Warnings(t Timetable) []string {
	w, ok := t.(interface{ warnings() []string })
	if !ok {
		return nil
	}
	return w.warnings()
}
