package health

import "github.com/dingdag/dingdag/phrase"

// saidToStrangers is what is said of a part that has a problem, to somebody who may not know more.
func saidToStrangers(part string) phrase.Text {
	switch part {
	case "store":
		return phrase.Of("stranger.store")
	case "scheduler":
		return phrase.Of("stranger.scheduler")
	case "outbox":
		return phrase.Of("stranger.outbox")
	case "robots":
		return phrase.Of("stranger.robots")
	case "applications":
		return phrase.Of("stranger.applications")
	case "import_errors":
		return phrase.Of("stranger.import_errors")
	case "queues":
		return phrase.Of("stranger.queues")
	case "nodes":
		return phrase.Of("stranger.nodes")
	case "keys":
		return phrase.Of("stranger.keys")
	case "logs":
		return phrase.Of("stranger.logs")
	case "heartbeat_url":
		return phrase.Of("stranger.heartbeat_url")
	default:
		return phrase.Of("stranger.other")
	}
}

// ForStrangers is the same without names, paths and words of errors: statuses, numbers and moments alone.
func (h *Health) ForStrangers() *Health {
	out := *h
	out.Problems, out.Robots, out.Applications, out.UnservedQueues, out.ClocksOff, out.LogsWaiting = []Problem{}, []Robot{}, []Application{}, []UnservedQueue{}, []ClockOff{}, []LogsWaiting{}
	seen := map[string]bool{}
	for _, p := range h.Problems {
		p.Said, p.Command = saidToStrangers(p.Part), ""
		p.Text = p.Said.String()
		if of := p.Part + " " + string(p.Severity); !seen[of] {
			seen[of] = true
			out.Problems = append(out.Problems, p)
		}
	}
	if out.Store.Error != "" {
		out.Store.Error = "cannot be read"
	}
	return &out
}
