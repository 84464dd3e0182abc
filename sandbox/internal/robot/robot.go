// Package robot is the custom robots of group chats: the webhook that they are sent to
// with its security and its rate, and the addresses at which bots reply, which take the
// same messages.
package robot

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// maxKeywords is DingTalk's limit for one robot.
const maxKeywords = 10

// Robot is a custom robot in a group chat. Without keywords, secret and IPs it takes
// messages from everyone; with several of them a message must satisfy them all.
type Robot struct {
	// Name is shown beside its messages. It is required and unique.
	Name string `json:"name"`
	// Group is the name of the chat. The default is the robot's name.
	Group string `json:"group,omitempty"`
	// Token is the access token: 64 lower-case hex digits. [Service.AddRobot] makes one up when it is empty.
	Token string `json:"token"`
	// Keywords are the words of which a message must hold one, in exact case. At most 10.
	Keywords []string `json:"keywords,omitempty"`
	// Secret makes the robot ask for a signature. It starts with "SEC".
	Secret string `json:"secret,omitempty"`
	// IPs are the addresses and CIDR ranges that may send.
	IPs []string `json:"ips,omitempty"`
	// Disabled makes it refuse everything with 400102.
	Disabled bool `json:"disabled,omitempty"`
	// Disbanded says that the group is gone: everything is refused with 400013.
	Disbanded bool `json:"disbanded,omitempty"`
	// Rate replaces the sandbox's rate for this robot.
	Rate Rate `json:"rate,omitzero"`
	// Members are the people in the group. Only they can be notified. Without any, those
	// of the organisation can.
	Members []Member `json:"members,omitempty"`
}

// Member is a person in a group. A mention can use the mobile or the user id.
type Member struct {
	Name   string `json:"name,omitempty"`
	Mobile string `json:"mobile,omitempty"`
	UserID string `json:"user_id,omitempty"`
}

// Demo returns a robot for demonstrations and tests. Its token follows from
// its name, so it is the same at every start; change the other fields at will.
func Demo(name string) Robot {
	sum := sha256.Sum256([]byte("sandbox robot " + name))
	return Robot{Name: name, Token: hex.EncodeToString(sum[:])}
}

// WebhookPath is the path and query that messages to the robot are posted to.
func (r Robot) WebhookPath() string {
	return "/robot/send?access_token=" + r.Token
}

// is tells whether ref is the robot's name or token.
func (r Robot) is(ref string) bool {
	return ref == r.Name || ref == r.Token
}

var tokenForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (r Robot) check() error {
	var errs []error
	if r.Name == "" {
		errs = append(errs, errors.New("name is missing"))
	}
	if !tokenForm.MatchString(r.Token) {
		errs = append(errs, errors.New("token must be 64 lower-case hex digits"))
	}
	if len(r.Keywords) > maxKeywords || slices.Contains(r.Keywords, "") {
		errs = append(errs, fmt.Errorf("keywords must be at most %d, none of them empty", maxKeywords))
	}
	if r.Secret != "" && !strings.HasPrefix(r.Secret, "SEC") {
		errs = append(errs, errors.New(`secret must start with "SEC"`))
	}
	if r.Rate.PerMinute < -1 || r.Rate.Block < 0 {
		errs = append(errs, errors.New("rate must not be negative, except per_minute -1 for no limit"))
	}
	_, err := core.ParseIPs(r.IPs)
	return errors.Join(append(errs, err)...)
}

// Service answers the webhooks of custom robots and of replies.
type Service struct {
	core      *core.Core
	rate      Rate
	robots    []*robotState
	throttles map[string]*throttle
	sessions  map[string]*sessionState
}

// New adds the webhooks and the routes of robots to a core, and becomes its Robots. The
// rate is for robots and unknown tokens that have none of their own.
func New(c *core.Core, rate Rate) *Service {
	s := &Service{
		core: c, rate: rate.or(DingTalkRate()),
		throttles: map[string]*throttle{}, sessions: map[string]*sessionState{},
	}
	c.Robots, c.Replies = register{s}, replies{s}
	c.Serve(s.sendCall())
	c.Serve(s.sessionCalls()...)
	c.API("GET /sandbox/api/robots", core.APIList("robots", s.Robots))
	c.API("POST /sandbox/api/robots", core.APIAdd(func(r Robot) (any, error) { return s.AddRobot(r) }))
	c.API("PUT /sandbox/api/robots/{token}", s.apiUpdate)
	return s
}

// apiUpdate replaces the whole robot; the token is the path's.
func (s *Service) apiUpdate(r *http.Request) (any, error) {
	var robot Robot
	if err := core.ReadAPI(r, &robot); err != nil {
		return nil, err
	}
	robot.Token = r.PathValue("token")
	return s.UpdateRobot(robot)
}

// register is what the core asks of the robots.
type register struct{ *Service }

// Name returns the name of the robot with a token; empty for an unknown one.
func (s register) Name(token string) string {
	if r := s.robotByToken(token); r != nil {
		return r.Name
	}
	return ""
}

// Known tells whether a robot has this name or token.
func (s register) Known(ref string) bool { return s.robotByRef(ref) != nil }

// List returns the names and groups of all.
func (s register) List() []core.Sender {
	out := make([]core.Sender, len(s.robots))
	for i, r := range s.robots {
		out[i] = core.Sender{Name: r.Name, Group: r.Group}
	}
	return out
}

// robotState is a robot and what it remembers.
type robotState struct {
	Robot
	ips []netip.Prefix
	// seen holds when each msgUuid was accepted.
	seen map[string]time.Time
}

// AddRobot adds a robot and returns it with its token and group filled in. The
// error wraps [core.ErrExists] when the name or token is taken; otherwise it says which
// field makes no sense.
func (s *Service) AddRobot(r Robot) (Robot, error) {
	if r.Token == "" {
		var token [32]byte
		rand.Read(token[:])
		r.Token = hex.EncodeToString(token[:])
	}
	state, err := newRobotState(r)
	if err != nil {
		return Robot{}, fmt.Errorf("add robot %q: %w", r.Name, err)
	}
	s.core.Lock()
	defer s.core.Unlock()
	if s.robotByToken(r.Token) != nil || s.robotByRef(r.Name) != nil {
		return Robot{}, fmt.Errorf("add robot %q: name or token %w", r.Name, core.ErrExists)
	}
	s.robots = append(s.robots, state)
	s.core.Touch()
	return state.Robot, nil
}

// UpdateRobot replaces the settings of the robot with the same token, and returns
// them. Its messages, its rate and the msgUuids it saw stay. The error wraps
// [core.ErrNotFound] or [core.ErrExists], or says which field makes no sense.
func (s *Service) UpdateRobot(r Robot) (Robot, error) {
	state, err := newRobotState(r)
	if err != nil {
		return Robot{}, fmt.Errorf("update robot %q: %w", r.Name, err)
	}
	s.core.Lock()
	defer s.core.Unlock()
	old := s.robotByToken(r.Token)
	if old == nil {
		return Robot{}, fmt.Errorf("update robot %q: token %w", r.Name, core.ErrNotFound)
	}
	if other := s.robotByRef(r.Name); other != nil && other != old {
		return Robot{}, fmt.Errorf("update robot %q: name %w", r.Name, core.ErrExists)
	}
	state.seen = old.seen
	*old = *state
	s.core.Touch()
	return state.Robot, nil
}

func newRobotState(r Robot) (*robotState, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Group == "" {
		r.Group = r.Name
	}
	r.Keywords = slices.Clone(r.Keywords)
	r.IPs = slices.Clone(r.IPs)
	r.Members = slices.Clone(r.Members)
	ips, err := core.ParseIPs(r.IPs)
	return &robotState{Robot: r, ips: ips, seen: map[string]time.Time{}}, err
}

// Robots lists the robots in the order they were added. The caller must not change
// the slices inside.
func (s *Service) Robots() []Robot {
	s.core.Lock()
	defer s.core.Unlock()
	out := make([]Robot, len(s.robots))
	for i, r := range s.robots {
		out[i] = r.Robot
	}
	return out
}

// robotByToken returns nil for an unknown token. The caller holds the lock.
func (s *Service) robotByToken(token string) *robotState {
	for _, r := range s.robots {
		if r.Token == token {
			return r
		}
	}
	return nil
}

// robotByRef finds a robot by name or token. The caller holds the lock.
func (s *Service) robotByRef(ref string) *robotState {
	for _, r := range s.robots {
		if r.is(ref) {
			return r
		}
	}
	return nil
}
