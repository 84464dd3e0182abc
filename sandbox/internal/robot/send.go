package robot

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	// maxBody is DingTalk's limit in bytes for the whole body, whatever the msgtype.
	maxBody = 20000
	// uuidLife is how long a msgUuid is remembered. DingTalk publishes no figure.
	uuidLife = 24 * time.Hour
)

// sendCall is the webhook of custom robots.
//
// The checks come in this order: throttle, token, security by address and
// signature, content type, size, JSON, keyword, msgtype, fields, msgUuid. DingTalk
// publishes none; throttle before token and security before body are observed, and
// the keyword cannot be looked for before there is JSON.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
func (s *Service) sendCall() core.Call {
	return core.Call{Name: "robot.send", Pattern: "/robot/send", Decide: s.send}
}

func (s *Service) send(req *core.Request) core.Answer {
	robot, r := s.admit(req)
	if r != nil {
		return r.Answer(core.Plain)
	}
	body, r := readRobotBody(req)
	if r != nil {
		return r.Answer(core.Plain)
	}
	msgtype, content, r := readContent(body)
	if !hasKeyword(robot.Keywords, content.Readable()) {
		return refuseKeyword().Answer(core.Plain)
	}
	if r != nil {
		return r.Answer(core.Plain)
	}
	a := core.LegacyAnswer(0, "ok")
	if robot.isDuplicate(body, req.At) {
		a.Note.Duplicate = true
		return a
	}
	m := core.Message{
		Time:     req.At,
		Robot:    robot.Name,
		Group:    robot.Group,
		Type:     msgtype,
		Content:  content,
		RemoteIP: req.IP.String(),
		Raw:      json.RawMessage(req.Raw),
	}
	m.Mentions = mention(s.peopleOf(robot.Robot), msgtype, content.Text, body["at"])
	a.Note.MessageID = s.core.AddMessage(m)
	return a
}

// admit checks everything that does not need the body.
func (s *Service) admit(req *core.Request) (*robotState, *core.Refusal) {
	if req.Method != http.MethodPost {
		return nil, core.Refuse(43002)
	}
	if req.Token == "" {
		return nil, &core.Refusal{Code: 40035, Text: "缺少参数 access_token"}
	}
	robot := s.robotByToken(req.Token)
	var rate Rate
	if robot != nil {
		rate = robot.Rate
	}
	if !s.allow(req.Token, rate, req.At) {
		return nil, core.Refuse(660026)
	}
	if robot == nil {
		return nil, core.Refuse(300005)
	}
	if robot.Disabled {
		return nil, core.Refuse(400102)
	}
	if robot.Disbanded {
		return nil, core.Refuse(400013)
	}
	return robot, checkSender(robot, req)
}

func readRobotBody(req *core.Request) (map[string]any, *core.Refusal) {
	if !core.IsJSON(req.Header.Get("Content-Type")) {
		return nil, core.Refuse(43004)
	}
	if len(req.Raw) > maxBody {
		return nil, core.Refuse(460101)
	}
	// A map and not a struct: encoding/json would accept keys in the wrong case.
	var body map[string]any
	if err := json.Unmarshal(req.Raw, &body); err != nil || body == nil {
		return nil, &core.Refusal{Code: 40035, Text: "缺少参数 json"}
	}
	return body, nil
}

// isDuplicate remembers the msgUuid of a message that is about to be accepted.
func (r *robotState) isDuplicate(body map[string]any, now time.Time) bool {
	uuid, _ := body["msgUuid"].(string)
	if uuid == "" {
		return false
	}
	maps.DeleteFunc(r.seen, func(_ string, at time.Time) bool { return now.Sub(at) >= uuidLife })
	if _, ok := r.seen[uuid]; ok {
		return true
	}
	r.seen[uuid] = now
	return false
}
