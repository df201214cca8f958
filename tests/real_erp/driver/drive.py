"""Run by the Tryton environment's own interpreter: `drive.py set-up|cases`, with a JSON object of arguments on standard input.

What belongs here: the two commands. What does not: what they do (`company`, `cases`).
"""

import datetime as dt
import json
import os
import sys

EVENING_BEFORE = dt.timedelta(hours=16)


def main():
    given = json.loads(sys.stdin.read())
    os.environ.update(TRYTOND_CONFIG=given["config"], TRYTOND_DATABASE_URI=given["uri"], TZ="UTC")  # read when trytond is imported
    import time_machine
    from clock import ask_python_for_the_time
    from proteus import config as proteus_config

    if given["uri"].startswith("postgresql"):
        ask_python_for_the_time()
    config = proteus_config.set_trytond(given["uri"], config_file=given["config"])
    start = dt.date.fromisoformat(given["start"])
    eve = dt.datetime.combine(start, dt.time(), dt.UTC) - EVENING_BEFORE
    with time_machine.travel(eve, tick=False) as traveller:
        answer = {"set-up": set_up, "cases": drive}[sys.argv[1]](given, config, start, traveller)
    json.dump(answer, sys.stdout)


def set_up(given, config, start, traveller):
    import company

    return company.set_up(config, start, given["reader_password"], given["readable"])


def drive(given, config, start, traveller):
    import cases
    from clock import spare_needless_work
    from company import PEOPLE

    driver = cases.Driver(given["uri"], given["config"], config, given["ids"], start, given["seed"])
    driver.log_in(PEOPLE)
    spare_needless_work(config.pool)
    for kind, count in given["cases"].items():
        for _ in range(count):
            driver.add(getattr(cases, kind)(driver), within_days=given["days"])
    driver.run(traveller)
    return driver.record


if __name__ == "__main__":
    main()
