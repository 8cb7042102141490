#!/bin/sh
# Sums what gcov says of a build with --coverage: lines reached, file by file.
# Argument: the build directory.  Only files that some test ran are listed.
set -eu
build=$1
find "$build" -name '*.gcda' | while read -r counts; do
	gcov -n -o "$(dirname "$counts")" "${counts%.gcda}.o" 2>/dev/null
done | awk -v q="'" '
	/^File / { gsub("File |" q, ""); file = $0 }
	/^Lines executed:/ && file ~ /^(shared|server|worker)\// {
		split($0, p, /[:% ]+/)
		percent = p[3]; lines = p[5]
		if (!(file in of) || percent > best[file]) {
			best[file] = percent; of[file] = lines
		}
		file = ""
	}
	END {
		for (f in of) {
			printf "%6.1f %%  %5d  %s\n", best[f], of[f], f
			hit += best[f] * of[f] / 100; all += of[f]
		}
		if (all == 0)
			exit 1
		printf "%6.1f %%  %5d  in all\n", 100 * hit / all, all
	}' | sort -k 4
