package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

const (
	// maxRobotBody is DingTalk's limit in bytes for the whole body, whatever the msgtype.
	maxRobotBody = 20000
	// uuidLife is how long a msgUuid is remembered. DingTalk publishes no figure.
	uuidLife = 24 * time.Hour
)

// robotSendCall is the webhook of custom robots.
//
// The checks come in this order: throttle, token, security by address and
// signature, content type, size, JSON, keyword, msgtype, fields, msgUuid. DingTalk
// publishes none; throttle before token and security before body are observed, and
// the keyword cannot be looked for before there is JSON.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
func robotSendCall() call {
	return call{name: "robot.send", pattern: "/robot/send", decide: (*Server).robotSend}
}

func (s *Server) robotSend(req *request) answer {
	robot, r := s.admit(req)
	if r != nil {
		return r.answer(plain)
	}
	body, r := readRobotBody(req)
	if r != nil {
		return r.answer(plain)
	}
	msgtype, content, r := readContent(body)
	if !hasKeyword(robot.Keywords, content.readable()) {
		return refuseKeyword().answer(plain)
	}
	if r != nil {
		return r.answer(plain)
	}
	a := legacyAnswer(0, "ok")
	if robot.isDuplicate(body, req.at) {
		a.note.duplicate = true
		return a
	}
	m := Message{
		Time:     req.at,
		Robot:    robot.Name,
		Group:    robot.Group,
		Type:     msgtype,
		Content:  content,
		RemoteIP: req.ip.String(),
		Raw:      json.RawMessage(req.body),
	}
	m.Mentions = mention(s.peopleOf(robot.Robot), msgtype, content.Text, body["at"])
	a.note.messageID = s.inbox.addMessage(m)
	return a
}

// admit checks everything that does not need the body.
func (s *Server) admit(req *request) (*robotState, *refusal) {
	if req.Method != http.MethodPost {
		return nil, refuse(43002)
	}
	if req.token == "" {
		return nil, &refusal{code: 40035, text: "缺少参数 access_token"}
	}
	robot := s.robotByToken(req.token)
	var rate Rate
	if robot != nil {
		rate = robot.Rate
	}
	if !s.allow(req.token, rate, req.at) {
		return nil, refuse(660026)
	}
	if robot == nil {
		return nil, refuse(300005)
	}
	if robot.Disabled {
		return nil, refuse(400102)
	}
	if robot.Disbanded {
		return nil, refuse(400013)
	}
	return robot, checkSender(robot, req)
}

func readRobotBody(req *request) (map[string]any, *refusal) {
	if !isJSON(req.Header.Get("Content-Type")) {
		return nil, refuse(43004)
	}
	if len(req.body) > maxRobotBody {
		return nil, refuse(460101)
	}
	// A map and not a struct: encoding/json would accept keys in the wrong case.
	var body map[string]any
	if err := json.Unmarshal(req.body, &body); err != nil || body == nil {
		return nil, &refusal{code: 40035, text: "缺少参数 json"}
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
