/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lm_report.h"

#include <math.h>

json_t *report_real(double x)
{
	if (isfinite(x))
		return json_real(x);
	return isinf(x) ? json_string(x > 0 ? "inf" : "-inf") : json_null();
}

json_t *report_score(const tl_likelihood *l)
{
	if (l->tokens == 0)
		return json_null();
	double loss = tl_likelihood_mean(l);
	return json_pack("{s:o, s:o}", "loss", report_real(loss), "perplexity", report_real(tl_perplexity(loss)));
}

bool report_line(FILE *to, json_t *object)
{
	bool done = object && json_dumpf(object, to, JSON_REAL_PRECISION(7)) == 0 && fputc('\n', to) != EOF &&
		fflush(to) == 0;
	json_decref(object);
	return done;
}
