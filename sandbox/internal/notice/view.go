package notice

import (
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// noticeView is a work notice or a DING, the newest first.
type noticeView struct {
	Time     time.Time
	App      string
	Kind     string
	Content  core.Content
	State    string
	Recalled bool
	Got      []receiverView
	Missed   []receiverView
}

type receiverView struct {
	Name string
	Note string
	Read bool
}

func (s *Service) view() []noticeView {
	var out []noticeView
	for _, n := range s.list {
		n.advance(s.core.Now(), false)
		out = append(out, s.noticeView(n))
	}
	for _, d := range s.dings {
		kind := map[int]string{1: "DING in the app", 2: "DING by text message", 3: "DING by phone"}[d.RemindType]
		v := noticeView{Time: d.Time, App: d.App, Kind: kind, Content: core.Content{Text: d.Content}, Recalled: d.Recalled}
		for _, id := range d.Receivers {
			v.Got = append(v.Got, receiverView{Name: s.core.People.NameOf(id)})
		}
		out = append(out, v)
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b noticeView) int { return b.Time.Compare(a.Time) })
	return out[:min(len(out), core.MaxShown)]
}

func (s *Service) noticeView(n *Notice) noticeView {
	v := noticeView{
		Time: n.Time, App: n.App, Kind: "work notice, " + n.Type, Content: n.Content, Recalled: n.Recalled,
		State: [...]string{"waiting", "on its way", "delivered"}[n.Status],
	}
	for _, id := range n.Receivers {
		v.Got = append(v.Got, receiverView{Name: s.core.People.NameOf(id), Read: slices.Contains(n.Read, id)})
	}
	reasons := map[string]string{
		noticeDuplicate: "same notice today", noticeDailyMaximum: "too many today", noticeAppThrottled: "too many this minute",
	}
	for _, f := range n.Forbidden {
		v.Missed = append(v.Missed, receiverView{Name: s.core.People.NameOf(f.UserID), Note: f.Code + " " + reasons[f.Code]})
	}
	for _, id := range n.InvalidIDs {
		v.Missed = append(v.Missed, receiverView{Name: id, Note: "no such user"})
	}
	for _, id := range n.InvalidDept {
		v.Missed = append(v.Missed, receiverView{Name: strconv.Itoa(id), Note: "no such department"})
	}
	return v
}
