package sandbox

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

// legacyAnswer is the envelope of oapi.dingtalk.com: HTTP 200 whatever happened,
// and the code in the body. Code 0 is success.
func legacyAnswer(code int, text string) answer {
	return answer{
		status:      http.StatusOK,
		contentType: contentTypeJSON,
		body: encode(struct {
			Code int    `json:"errcode"`
			Text string `json:"errmsg"`
		}{code, text}),
		note: note{code: code, reason: text},
	}
}

// encode writes JSON with "<" and ">" as they are, as the platform does.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("sandbox: an envelope does not encode: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// object is a JSON object.
type object = map[string]any

// requestID is what each answer to an app is marked with.
func requestID() string { return strings.ToLower(rand.Text()) }

// refusal is why a call was not done. A legacy call has a code, one of the new
// generation a status and an errorCode.
type refusal struct {
	code      int
	status    int
	errorCode string
	text      string
	// gateway says that the call itself never saw the request.
	gateway bool
	// scope is the one that the app lacks.
	scope string
}

// fail is a refusal of the new generation.
func fail(status int, errorCode, text string) *refusal {
	return &refusal{status: status, errorCode: errorCode, text: text}
}

func (r *refusal) answer(g generation) answer {
	switch g {
	case modern:
		return r.modernAnswer()
	case topapi:
		return r.topapiAnswer()
	default:
		return legacyAnswer(r.code, r.text)
	}
}

// topapiAnswer wraps the errors of the gateway in code 88. Those of the call itself come plain.
func (r *refusal) topapiAnswer() answer {
	a := legacyAnswer(r.code, r.text)
	body := object{"errcode": r.code, "errmsg": r.text, "request_id": requestID()}
	if r.gateway {
		sub := strconv.Itoa(r.code)
		body["errcode"], body["sub_code"], body["sub_msg"] = 88, sub, r.text
		body["errmsg"] = "ding talk error[subcode=" + sub + ",submsg=" + r.text + "]"
	}
	a.body = encode(body)
	return a
}

func (r *refusal) modernAnswer() answer {
	body := object{"code": r.errorCode, "message": r.text, "requestid": strings.ToUpper(requestID())}
	if r.scope != "" {
		body["accessdenieddetail"] = object{"requiredScopes": []string{r.scope}}
	}
	return answer{
		status:      r.status,
		contentType: contentTypeJSON,
		body:        encode(body),
		note:        note{errorCode: r.errorCode, reason: r.text},
	}
}

// refuse returns the refusal with the platform's usual text for the code.
func refuse(code int) *refusal {
	return &refusal{code: code, text: errorText(code)}
}

// missing refuses a field that is absent, empty or of the wrong JSON type. The
// path is written as DingTalk writes it: "markdown --》 title".
func missing(code int, path string) *refusal {
	return &refusal{code: code, text: "错误描述:参数 " + path + " 缺失，或者参数格式不正确; 解决方案:请填充上对应参数;" +
		"参考链接:请参考本接口对应文档查看参数获取方式，或者在https://open.dingtalk.com/document/  搜索对应文档;"}
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
