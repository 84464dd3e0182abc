// Package notice is the work notices of apps and the DINGs of their bots.
package notice

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	// noticeLife is how long a notice can be asked about and recalled.
	noticeLife = 24 * time.Hour
	// noticePace is when a notice is delivered at the latest, even when nobody asks.
	noticePace = 3 * time.Second
	// maxNoticesADay is for one person, maxNoticeMinute for the receivers of one app
	// in a minute, maxToAll for notices to everyone in a day.
	maxNoticesADay  = 500
	maxNoticeMinute = 5000
	maxToAll        = 3
	// maxResultReceivers is how many receivers a result can list.
	maxResultReceivers = 100
)

// The codes of notices that reach somebody not, although the call succeeds.
const (
	noticeAppThrottled = "143103"
	noticeDailyMaximum = "143105"
	noticeDuplicate    = "143106"
)

// The steps of a notice.
const (
	NoticeWaiting = 0
	NoticeRunning = 1
	NoticeDone    = 2
)

// Service answers the calls of work notices and DINGs.
type Service struct {
	core  *core.Core
	list  []*Notice
	count *counters
	dings []*Ding
}

// New adds the calls, the routes and the view of notices to a core.
func New(c *core.Core) *Service {
	s := &Service{core: c, count: newCounters()}
	c.ServeEndpoints(s.dingCalls()...)
	c.ServeEndpoints(s.noticeCalls()...)
	c.API("GET /sandbox/api/dings", core.APIList("dings", s.Dings))
	c.API("GET /sandbox/api/notices", core.APIList("notices", s.Notices))
	c.API("POST /sandbox/api/notices/{id}/read", s.apiRead)
	c.View(core.View{Name: "notices", Title: "Notices", Draw: s.draw})
	return s
}

func (s *Service) apiRead(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("notice %q: %w", r.PathValue("id"), core.ErrNotFound)
	}
	var in struct {
		Users []string `json:"users"`
	}
	if err := core.ReadAPI(r, &in); err != nil {
		return nil, err
	}
	return core.Object{}, s.ReadNotice(id, in.Users...)
}

// Notice is a work notice.
type Notice struct {
	TaskID int64     `json:"task_id"`
	Time   time.Time `json:"time"`
	// App is a name.
	App     string `json:"app"`
	AgentID int64  `json:"agent_id"`
	// Type is the msgtype: text, image, voice, file, link, oa, markdown or action_card.
	Type string `json:"type"`
	// Message is msg as it was sent.
	Message json.RawMessage `json:"message"`
	// Content is what people read of it.
	Content core.Content `json:"content"`
	// Status is [NoticeWaiting], [NoticeRunning] or [NoticeDone]. Each question for the
	// progress is answered with the status and moves it on; three seconds after sending
	// the notice is done in any case.
	Status int `json:"status"`
	// Receivers are the user ids of those who get it. The others follow.
	Receivers []string `json:"receivers"`
	// Read are those of the receivers who have read it.
	Read        []string          `json:"read,omitempty"`
	InvalidIDs  []string          `json:"invalid_user_ids,omitempty"`
	InvalidDept []int             `json:"invalid_department_ids,omitempty"`
	Forbidden   []ForbiddenNotice `json:"forbidden,omitempty"`
	Recalled    bool              `json:"recalled,omitempty"`

	app *core.App
}

// ForbiddenNotice tells why somebody got no notice, although the call succeeded.
type ForbiddenNotice struct {
	UserID string `json:"userid"`
	// Code is 143103 (too many receivers in this minute), 143105 (too many for the person on this day) or 143106 (the
	// same content on the same day).
	Code string `json:"code"`
	// Count is the limit.
	Count int `json:"count"`
}

// counters hold what each may still get.
type counters struct {
	// day is the one that the counters are for; a new day begins with empty ones.
	day    string
	seen   map[string]bool // user and content
	daily  map[string]int  // by user
	toAll  map[*core.App]int
	minute map[*core.App]*minuteCount
}

type minuteCount struct {
	since time.Time
	count int
}

func newCounters() *counters {
	n := &counters{minute: map[*core.App]*minuteCount{}}
	n.newDay("")
	return n
}

func (n *counters) newDay(day string) {
	n.day, n.seen, n.daily, n.toAll = day, map[string]bool{}, map[string]int{}, map[*core.App]int{}
}

// chinaTime is the zone whose days count.
func chinaTime() *time.Location { return time.FixedZone("CST", 8*60*60) }

// deliver sorts people into those who get a notice and those who do not.
func (n *counters) deliver(notice *Notice, users []string, toAll bool) {
	if day := notice.Time.In(chinaTime()).Format(time.DateOnly); day != n.day {
		n.newDay(day)
	}
	sum := sha256.Sum256(notice.Message)
	everyone := toAll && n.toAll[notice.app] >= maxToAll
	if toAll {
		n.toAll[notice.app]++
	}
	for _, id := range users {
		key := fmt.Sprintf("%d %s %x", notice.AgentID, id, sum)
		switch {
		case n.seen[key]:
			notice.forbid(id, noticeDuplicate, 1)
		case everyone:
			notice.forbid(id, noticeDailyMaximum, maxToAll)
		case n.daily[id] >= maxNoticesADay:
			notice.forbid(id, noticeDailyMaximum, maxNoticesADay)
		case !n.inMinute(notice):
			notice.forbid(id, noticeAppThrottled, maxNoticeMinute)
		default:
			n.seen[key] = true
			n.daily[id]++
			notice.Receivers = append(notice.Receivers, id)
		}
	}
}

func (n *counters) inMinute(notice *Notice) bool {
	c := n.minute[notice.app]
	if c == nil || notice.Time.Sub(c.since) >= time.Minute {
		c = &minuteCount{since: notice.Time}
		n.minute[notice.app] = c
	}
	c.count++
	return c.count <= maxNoticeMinute
}

func (n *Notice) forbid(id, code string, count int) {
	n.Forbidden = append(n.Forbidden, ForbiddenNotice{UserID: id, Code: code, Count: count})
}

// advance moves the status on: by a step at each question, to the end with time.
func (n *Notice) advance(now time.Time, asked bool) {
	if asked && n.Status < NoticeDone {
		n.Status++
	}
	if now.Sub(n.Time) >= noticePace {
		n.Status = NoticeDone
	}
}

// audience is the number of people who were meant.
func (n *Notice) audience() int {
	return len(n.Receivers) + len(n.Forbidden) + len(n.InvalidIDs)
}

// Notices lists the work notices, oldest first. The caller must not change what is inside.
func (s *Service) Notices() []Notice {
	s.core.Lock()
	defer s.core.Unlock()
	for _, n := range s.list {
		n.advance(s.core.Now(), false)
	}
	return core.Values(s.list)
}

// ReadNotice lets receivers read a notice. The error wraps [core.ErrNotFound].
func (s *Service) ReadNotice(taskID int64, userIDs ...string) error {
	s.core.Lock()
	defer s.core.Unlock()
	n := core.Find(s.list, func(n *Notice) bool { return n.TaskID == taskID })
	if n == nil {
		return fmt.Errorf("read notice %d: %w", taskID, core.ErrNotFound)
	}
	for _, id := range userIDs {
		if !slices.Contains(n.Receivers, id) {
			return fmt.Errorf("read notice %d: receiver %q %w", taskID, id, core.ErrNotFound)
		}
		if !slices.Contains(n.Read, id) {
			n.Read = append(slices.Clone(n.Read), id)
		}
	}
	s.core.Touch()
	return nil
}
