# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What must stay silent, and what is said of hostile words.

GROUP_findings+=(
	web_server build_in_a_container set_up_of_a_read_only_container hostile_names long_arguments
)

scenario_web_server() {
	local name page
	name=$(new_name)
	rt_run "$name" --detach -- httpd -f -p 8080 -h /var/www || fail 'the container did not run'
	page=$(rt_exec "$name" -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do
		wget -q -O - http://127.0.0.1:8080/ 2>/dev/null && exit; sleep 0.2; done')
	[[ $page == *hello* ]] || fail "the server did not answer: $page"
	rt_stop "$name"
	expect_no_findings "$name"
	rt_remove "$name"
}

scenario_build_in_a_container() {
	local name
	name=$(new_name)
	rt_run "$name" -- sh -ec '
		mkdir -p /build/src /build/out && cd /build
		for i in $(seq 20); do echo "int f$i;" >src/$i.c; cp src/$i.c out/$i.o; done
		cat out/*.o >out/program.new; chmod 755 out/program.new; mv out/program.new out/program
		chown app:app out/program; ln -s program out/link; ln out/program out/hard
		tar -cf out/all.tar src; tar -xf out/all.tar -C out; touch out/stamp
		rm -r src; echo "built:x:1001:1001::/:" >>/etc/passwd; mkdir /usr; cp -a bin /usr 2>/dev/null ||
		true' || fail 'the container did not run'
	expect_no_findings "$name"
	rt_remove "$name"
}

scenario_set_up_of_a_read_only_container() {
	local name
	name=$(new_name)
	rt_run "$name" --read-only --tmpfs /tmp --mount "$WORK/rootfs/var:/data:ro" -- true ||
		fail 'the container did not run'
	expect_no_findings "$name"
	rt_remove "$name"
}

# New line, escape sequence and broken UTF-8 in a name: one line, nothing raw.
scenario_hostile_names() {
	local name lines
	name=$(new_name)
	rt_run "$name" --read-only -- sh -c \
		'helper mkdir "$(printf "/first\n\033[2Jred\t\"\\\\\377\xc3(end")"' >/dev/null ||
		fail 'the container did not run'
	expect_finding "$name" readonly-write-attempt '(.file.path | test("first")) and
		(.file.path | test("end$")) and (.file.path | test("[\u0000-\u001f]") | not)'
	lines=$(matches "$name" finding '.rule == "readonly-write-attempt"' | wc -l)
	((lines == 1)) || fail "one attempt made $lines lines"
	lines=$(grep -ac "\"$name\"" "$MONITOR_JSON")
	((lines == $(of_container "$name" '.[]' | wc -l))) || fail 'lines of the container are no JSON'
	rt_remove "$name"
}

scenario_long_arguments() {
	local name
	name=$(new_name)
	rt_run "$name" --read-only -- sh -c \
		'helper mkdir /tried "$(head -c 100000 /dev/zero | tr "\0" x)"' >/dev/null ||
		fail 'the container did not run'
	expect_finding "$name" readonly-write-attempt '.file.path == "/tried" and .process.args_cut and
		(.process.args[2] == "/tried")'
	rt_remove "$name"
}

# --- the end of the monitor, after each group ---

scenario_stop() {
	local bad
	monitor_stop
	((MONITOR_STATUS == 0)) || fail "it ended with status $MONITOR_STATUS"
	for word in container finding lost; do
		grep -qi "$word" "$MONITOR_ERR" || fail "the summary does not tell of: $word"
	done
	bad=$(jq -R 'fromjson? // empty | 1' "$MONITOR_JSON" | wc -l)
	((bad == $(wc -l <"$MONITOR_JSON"))) || fail 'not every line is a JSON object'
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$MONITOR_JSON" || fail 'a raw control byte'
	iconv -f utf-8 -t utf-8 "$MONITOR_JSON" >/dev/null 2>&1 || fail 'not UTF-8'
	bad=$(jq -c 'select(.kind == "finding") | select(
		(.severity | IN("debug", "info", "notice", "warning", "error", "critical") | not) or
		(.time | test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z$") | not) or
		.rule == null or .message == null or .technique == null or
		(.container.id == null and (.rule | test("^(monitor|clock)-") | not)))' \
		"$MONITOR_JSON" | head -n 3)
	[[ -z $bad ]] || fail "findings that lack a field: $bad"
	if ((${#FAILURES[@]} > 0)); then
		while IFS= read -r line; do note "$line"; done < <(tail -n 15 "$MONITOR_ERR")
	fi
}
