package core

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const contentTypeJSON = "application/json; charset=utf-8"

// LegacyAnswer is the envelope of oapi.dingtalk.com: HTTP 200 whatever happened,
// and the code in the body. Code 0 is success.
func LegacyAnswer(code int, text string) Answer {
	return Answer{
		Status:      http.StatusOK,
		ContentType: contentTypeJSON,
		Body: Encode(struct {
			Code int    `json:"errcode"`
			Text string `json:"errmsg"`
		}{code, text}),
		Note: Note{Code: code, Reason: text},
	}
}

// Encode writes JSON with "<" and ">" as they are, as the platform does.
func Encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("sandbox: an envelope does not encode: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Object is a JSON object.
type Object = map[string]any

// requestID is what each answer to an app is marked with.
func requestID() string { return strings.ToLower(rand.Text()) }

// Refusal is why a call was not done. A legacy call has a code, one of the new
// generation a status and an errorCode.
type Refusal struct {
	Code      int
	Status    int
	ErrorCode string
	Text      string
	// gateway says that the call itself never saw the request.
	gateway bool
	// scope is the one that the app lacks.
	scope string
}

// Fail is a refusal of the new generation.
func Fail(status int, errorCode, text string) *Refusal {
	return &Refusal{Status: status, ErrorCode: errorCode, Text: text}
}

// Answer writes the refusal as the generation does.
func (r *Refusal) Answer(g Generation) Answer {
	switch g {
	case Modern:
		return r.modernAnswer()
	case Topapi:
		return r.topapiAnswer()
	default:
		return LegacyAnswer(r.Code, r.Text)
	}
}

// topapiAnswer wraps the errors of the gateway in code 88. Those of the call itself come plain.
func (r *Refusal) topapiAnswer() Answer {
	a := LegacyAnswer(r.Code, r.Text)
	body := Object{"errcode": r.Code, "errmsg": r.Text, "request_id": requestID()}
	if r.gateway {
		sub := strconv.Itoa(r.Code)
		body["errcode"], body["sub_code"], body["sub_msg"] = 88, sub, r.Text
		body["errmsg"] = "ding talk error[subcode=" + sub + ",submsg=" + r.Text + "]"
	}
	a.Body = Encode(body)
	return a
}

func (r *Refusal) modernAnswer() Answer {
	body := Object{"code": r.ErrorCode, "message": r.Text, "requestid": strings.ToUpper(requestID())}
	if r.scope != "" {
		body["accessdenieddetail"] = Object{"requiredScopes": []string{r.scope}}
	}
	return Answer{
		Status:      r.Status,
		ContentType: contentTypeJSON,
		Body:        Encode(body),
		Note:        Note{ErrorCode: r.ErrorCode, Reason: r.Text},
	}
}

// Refuse returns the refusal with the platform's usual text for the code.
func Refuse(code int) *Refusal {
	return &Refusal{Code: code, Text: errorText(code)}
}

// errorText is DingTalk's text for a code that always has the same one. Texts
// change over the years: clients must go by the code.
func errorText(code int) string {
	switch code {
	case -1:
		return "系统繁忙"
	case 33012:
		return "无效的USERID"
	case 34001:
		return "无效的会话id"
	case 34016:
		return "消息内容长度超过限制"
	case 40000:
		return "access_token is blank"
	case 40004:
		return "不合法的媒体文件类型"
	case 40005:
		return "不合法的文件类型"
	case 40006:
		return "不合法的文件大小"
	case 40014:
		return "不合法的access_token"
	case 40016:
		return "不合法的chatid"
	case 40031:
		return "不合法的UserID列表"
	case 40056:
		return "不合法的agentid"
	case 40068:
		return "不合法的偏移量"
	case 40069:
		return "不合法的分页大小"
	case 40096:
		return "不合法的appKey或appSecret"
	case 40100:
		return "分机号已存在"
	case 40104:
		return "不合法的手机号"
	case 41052:
		return "推送结果不存在，可能尚未发送完成或接收人数过多"
	case 42001:
		return "access_token已过期"
	case 43001:
		return "需要GET请求"
	case 43002:
		return "需要POST请求"
	case 43004:
		return "无效的HTTP HEADER Content-Type"
	case 43008:
		return "需要多媒体请求头"
	case 43009:
		return "需要POST JSON格式"
	case 49000:
		return "缺少参数chatid"
	case 49010:
		return "群成员列表为空"
	case 49011:
		return "群成员列表过长"
	case 49013:
		return "群主为空"
	case 60003:
		return "部门不存在"
	case 60102:
		return "UserID已存在"
	case 60103:
		return "手机号码不合法"
	case 60104:
		return "手机号码在企业中已经存在"
	case 60106:
		return "邮箱已存在"
	case 60121:
		return "找不到该用户"
	case 90002:
		return "该接口调用总量超过限制"
	case 90018:
		return "应用调用该接口的QPS超过限制"
	case 90020:
		return "企业本月的接口调用量已用完"
	case 300001:
		return "session 不存在"
	case 300005:
		return "token is not exist"
	case 400013:
		return "群已被解散"
	case 400102:
		return "机器人已停用"
	case 400105:
		return "不支持的消息类型"
	case 430101:
		return "含有不安全的外链"
	case 430102:
		return "含有不合适的文本"
	case 430103:
		return "含有不合适的图片"
	case 430104:
		return "含有不合适的内容"
	case 460101:
		return "description: body 大小不合法;solution:请保持大小在 20000bytes 以内;"
	case 660026:
		return "sending too many messages per minute"
	default:
		return ""
	}
}
