"""Words to make people, companies, places and goods from.

What belongs here: lists of words and joining them. What does not: the rows they end up in (`connectors.demo.master_data`).
"""

import unicodedata
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    "Anna Jonas Lena Paul Mia Felix Emma Lukas Sophie Max Clara Ben Laura Tim Julia Jan Sarah Nils Lisa Tom Marie "
    "David Eva Simon Nina Erik Ida Oskar Greta Moritz Aylin Mehmet Chiara Luca Zofia Piotr Inés Hugo Élise Marek "
    "Ingrid Sven Noor Daan Katja Ivan"
)
LAST = _words(
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf "
    "Schröder Neumann Schwarz Zimmermann Braun Krüger Hartmann Lange Werner Krause Lehmann Köhler Maier Yılmaz Kaya "
    "Rossi Conti Nowak Kowalska García Martin Dubois Novák Jansen de-Vries Lindqvist Horvat Petrov Sørensen"
)
PLACES = {
    "DE": (
        "Köln",
        "Hamburg",
        "Berlin",
        "München",
        "Stuttgart",
        "Leipzig",
        "Dortmund",
        "Bremen",
        "Nürnberg",
        "Hannover",
        "Kassel",
        "Freiburg",
    ),
    "AT": ("Wien", "Graz", "Linz", "Salzburg"),
    "CH": ("Zürich", "Basel", "Bern"),
    "NL": ("Rotterdam", "Utrecht", "Eindhoven"),
    "FR": ("Lyon", "Lille", "Nantes"),
    "PL": ("Poznań", "Kraków", "Wrocław"),
    "IT": ("Milano", "Torino", "Bologna"),
    "CZ": ("Praha", "Brno"),
}
STEMS = _words(
    "Nord Süd Rhein Alpen Hanse Merkur Atlas Delta Vega Orion Linde Adler Falken Stein Eichen Silber Kupfer Blau "
    "Grün Hoch Neu Alt Tor Fluss See Wald Berg Feld Stern Sonnen Anker Kompass Turm Brücken Quell Raben Löwen Bären "
    "Dom Markt"
)
TRADES = _words(
    "Technik Bau Logistik Handel Werke Metall Elektro Systeme Maschinen Anlagen Service Haustechnik Energie Labor Möbel"
)
FORMS = ("GmbH", "AG", "KG", "& Co. KG", "e.K.", "SE")
INDUSTRIES = ("Construction", "Manufacturing", "Retail", "Healthcare", "Energy", "Logistics", "Public sector", "Hospitality")
CATEGORIES = {
    "Fasteners": ("Bolt", "Screw", "Anchor", "Rivet", "Bracket"),
    "Tools": ("Drill", "Grinder", "Torque wrench", "Saw", "Laser level"),
    "Electrical": ("Cable", "Switch", "Relay", "LED panel", "Junction box"),
    "Safety": ("Helmet", "Gloves", "Harness", "Goggles", "First-aid kit"),
    "Fluids": ("Pump", "Valve", "Hose", "Filter", "Seal"),
    "Storage": ("Shelf", "Pallet box", "Trolley", "Cabinet", "Label printer"),
}
JOB_TITLES = ("Head of Purchasing", "Managing Director", "Technical Manager", "Buyer", "Site Manager", "Assistant")
LOST_REASONS = ("Price", "Competitor", "No budget", "No decision", "Lead time", "Missing feature")
SPELLING: dict[str, str | int | None] = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ı": "i"}
TICKET_SUBJECTS = (
    "Where is our delivery?",
    "Wrong quantity delivered",
    "Damaged goods",
    "Question about an invoice",
    "Data sheet needed",
    "Change of delivery address",
    "Return requested",
)


def person(rng: Random) -> tuple[str, str]:
    """A first and a last name."""
    return rng.choice(FIRST), rng.choice(LAST)


def mail_name(*words: str) -> str:
    """Words as the plain letters of a mail address or a web address."""
    spelled = " ".join(words).lower().translate(str.maketrans(SPELLING))
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return ".".join("".join(letter for letter in word if letter.isalnum()) for word in plain.split()).strip(".")


def company(rng: Random, city: str) -> str:
    """A company's name; not unique."""
    return f"{rng.choice(STEMS)}{rng.choice(TRADES).lower()} {city} {rng.choice(FORMS)}"
