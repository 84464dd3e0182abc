package health

// saidToStrangers is what is said of a part that has a problem, to somebody who may not know more.
func saidToStrangers(part string) string {
	switch part {
	case "store":
		return "the store cannot be read"
	case "scheduler":
		return "the scheduler does not work, or is starting or stopping"
	case "outbox":
		return "alerts may not have arrived"
	case "robots":
		return "a robot takes no messages"
	case "applications":
		return "an application receives nothing"
	case "import_errors":
		return "DAG files cannot be loaded"
	case "heartbeat_url":
		return "the heartbeat is not taken"
	default:
		return "something needs a look"
	}
}

// ForStrangers is the same without names, paths and words of errors: statuses, numbers and moments alone.
func (h *Health) ForStrangers() *Health {
	out := *h
	out.Problems, out.Robots, out.Applications = []Problem{}, []Robot{}, []Application{}
	seen := map[Problem]bool{}
	for _, p := range h.Problems {
		p.Text, p.Command = saidToStrangers(p.Part), ""
		if !seen[p] {
			seen[p] = true
			out.Problems = append(out.Problems, p)
		}
	}
	if out.Store.Error != "" {
		out.Store.Error = "cannot be read"
	}
	return &out
}
