package api

// wordDocs says in the OpenAPI description what the fields of shared types mean.
func wordDocs() map[string]string {
	return map[string]string{
		"App.id":        "The app's name.",
		"App.condition": "The app in one word.",
		"App.desired":   "Instances that are wanted.",
		"App.ready":     "Instances that the gateway may send requests to.",
		"App.since":     "When the condition was entered.",
		"App.why":       "Why it is not healthy, in one sentence.",
		"App.instances": "The instances, in the order of their numbers.",

		"Instance.id":         "The instance's name: app, minus sign, number from 1.",
		"Instance.app":        "The app's name.",
		"Instance.pid":        "The process; absent while there is none.",
		"Instance.state":      "Where it is in its life.",
		"Instance.ready":      "True while the gateway may send requests to it.",
		"Instance.port":       "The loopback port it was told to listen on; absent for an app without one.",
		"Instance.restarts":   "Unasked restarts since Holdfast started.",
		"Instance.started_at": "The start of the present process.",
		"Instance.since":      "When the state was entered.",
		"Instance.next_try":   "When it is started again, in backoff and crash_loop.",
		"Instance.why":        "Explains a state that is not running, in one sentence.",
		"Instance.last_exit":  "The newest end of one of its processes.",
		"Instance.exits":      "The newest ten ends, newest first; not in lists of apps.",

		"Exit.code":       "The exit code; -1 when a signal ended the process or none was started.",
		"Exit.signal":     "The POSIX signal's name.",
		"Exit.text":       "The same in words.",
		"Exit.reason":     "Why it ended.",
		"Exit.pid":        "The process that ended.",
		"Exit.started_at": "When the process started.",
		"Exit.ended_at":   "When the process ended.",
		"Exit.graceful":   "True when it ended within the grace period of a requested stop.",
		"Exit.last_lines": "The last lines it wrote, oldest first; not in lists of apps.",

		"Line.seq":      "Counts lines of one instance since Holdfast started; a jump means that lines were dropped.",
		"Line.time":     "When it was read.",
		"Line.instance": "The instance that wrote it.",
		"Line.stream":   "Where it was written; holdfast has Holdfast's own notes.",
		"Line.text":     "The line, without its end.",

		"Event.id":       "Counts from 1 since Holdfast started.",
		"Event.time":     "When it happened.",
		"Event.type":     "What kind of event it is.",
		"Event.severity": "What an administrator should do about it: nothing, have a look, act.",
		"Event.app":      "The app it is about.",
		"Event.instance": "The instance it is about.",
		"Event.message":  "What happened, in one sentence.",
		"Event.data":     "More, depending on the type.",

		"ConfigProblem.code":     "What is wrong, for programs; stable.",
		"ConfigProblem.severity": "Only an error keeps a configuration from being applied.",
		"ConfigProblem.message":  "What is wrong.",
		"ConfigProblem.hint":     "What to do about it.",
		"ConfigProblem.file":     "The file it is in.",
		"ConfigProblem.line":     "The line, from 1.",
		"ConfigProblem.column":   "The character in the line, from 1.",
		"ConfigProblem.source":   "The place of a value that stands in no file.",
		"ConfigProblem.pointer":  "The key, as a JSON pointer.",
		"ConfigProblem.snippet":  "The text around the place.",

		"Snippet.first_line": "The number of the first line.",
		"Snippet.lines":      "The lines; the last one has the problem.",
		"Snippet.offset":     "How many characters stand before the marked ones, when the line was shortened.",
		"Snippet.width":      "How many characters are marked, from the problem's column.",
	}
}
