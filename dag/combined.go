package dag

// Combined is the state of a task by those of its instances: what is not finished or went
// wrong shows first.
func Combined(a, b State) State {
	if worth(b) > worth(a) {
		return b
	}
	return a
}

func worth(s State) int {
	switch s {
	case Removed:
		return 0
	case Skipped:
		return 1
	case Success:
		return 2
	case UpstreamFailed:
		return 3
	case Failed:
		return 4
	default:
		return 5
	}
}
