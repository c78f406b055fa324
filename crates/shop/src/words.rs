//! The words the shop is made of: all names are invented, all rates made up.
//!
//! Only the codes of the states, the rough position of each and the first digits of its postal
//! codes are taken from the world.

/// Given names, each with its spelling in an email address.
pub(crate) const GIVEN: [(&str, &str); 56] = [
    ("Abelyn", "abelyn"),
    ("Adrik", "adrik"),
    ("Anwen", "anwen"),
    ("Arlo", "arlo"),
    ("Basira", "basira"),
    ("Benno", "benno"),
    ("Brielle", "brielle"),
    ("Caspian", "caspian"),
    ("Cleo", "cleo"),
    ("Corin", "corin"),
    ("Dahlia", "dahlia"),
    ("Davin", "davin"),
    ("Edda", "edda"),
    ("Elowen", "elowen"),
    ("Emrys", "emrys"),
    ("Farid", "farid"),
    ("Fenna", "fenna"),
    ("Galen", "galen"),
    ("Greta", "greta"),
    ("Hollis", "hollis"),
    ("Idris", "idris"),
    ("Imke", "imke"),
    ("Isolde", "isolde"),
    ("Jarek", "jarek"),
    ("Jorunn", "jorunn"),
    ("José", "jose"),
    ("Kavya", "kavya"),
    ("Keziah", "keziah"),
    ("Lazlo", "lazlo"),
    ("Linnea", "linnea"),
    ("Lumi", "lumi"),
    ("Maelis", "maelis"),
    ("Marek", "marek"),
    ("Mirren", "mirren"),
    ("Nadira", "nadira"),
    ("Nils", "nils"),
    ("Odalys", "odalys"),
    ("Orla", "orla"),
    ("Oskar", "oskar"),
    ("Perrin", "perrin"),
    ("Petra", "petra"),
    ("Quill", "quill"),
    ("Rafe", "rafe"),
    ("Renée", "renee"),
    ("Rosalba", "rosalba"),
    ("Saskia", "saskia"),
    ("Soren", "soren"),
    ("Tamsin", "tamsin"),
    ("Teodor", "teodor"),
    ("Ulla", "ulla"),
    ("Vasco", "vasco"),
    ("Wren", "wren"),
    ("Xiomara", "xiomara"),
    ("Yusra", "yusra"),
    ("Zofia", "zofia"),
    ("Zoë", "zoe"),
];

/// Family names, each with its spelling in an email address.
pub(crate) const FAMILY: [(&str, &str); 64] = [
    ("Aldermoor", "aldermoor"),
    ("Ashgrove", "ashgrove"),
    ("Balastro", "balastro"),
    ("Barrowby", "barrowby"),
    ("Brackwater", "brackwater"),
    ("Brindlow", "brindlow"),
    ("Calloran", "calloran"),
    ("Castermine", "castermine"),
    ("Chandrell", "chandrell"),
    ("Coldbrook", "coldbrook"),
    ("Corvane", "corvane"),
    ("D'Arvo", "darvo"),
    ("Dastoli", "dastoli"),
    ("Dunmallow", "dunmallow"),
    ("Elmstead", "elmstead"),
    ("Emberly", "emberly"),
    ("Fairlough", "fairlough"),
    ("Fennimark", "fennimark"),
    ("Galdrin", "galdrin"),
    ("Garrowen", "garrowen"),
    ("Glasswell", "glasswell"),
    ("Halvorane", "halvorane"),
    ("Harrowgate", "harrowgate"),
    ("Hexley", "hexley"),
    ("Ibarrola", "ibarrola"),
    ("Inkersole", "inkersole"),
    ("Jantzeler", "jantzeler"),
    ("Kasprowe", "kasprowe"),
    ("Kestrelton", "kestrelton"),
    ("Kirrane", "kirrane"),
    ("Lanterman", "lanterman"),
    ("Larkspire", "larkspire"),
    ("Lindqvell", "lindqvell"),
    ("Marchetto", "marchetto"),
    ("Mellowes", "mellowes"),
    ("Morrigate", "morrigate"),
    ("Nakamori", "nakamori"),
    ("Nethercott", "nethercott"),
    ("Norrland", "norrland"),
    ("O'Dell-Marsh", "odellmarsh"),
    ("Okonjua", "okonjua"),
    ("Oxenholt", "oxenholt"),
    ("Palantry", "palantry"),
    ("Pennymore", "pennymore"),
    ("Peregrine", "peregrine"),
    ("Quarrels", "quarrels"),
    ("Ravensby", "ravensby"),
    ("Redfern-Vale", "redfernvale"),
    ("Rosmarin", "rosmarin"),
    ("Saltmarsh", "saltmarsh"),
    ("Sandoval-Ruhe", "sandovalruhe"),
    ("Silverthorn", "silverthorn"),
    ("Stavenger", "stavenger"),
    ("Tallowby", "tallowby"),
    ("Thistledew", "thistledew"),
    ("Tremontane", "tremontane"),
    ("Umberlain", "umberlain"),
    ("Valderoy", "valderoy"),
    ("van der Moss", "vandermoss"),
    ("Vintersen", "vintersen"),
    ("Wexcombe", "wexcombe"),
    ("Whitlocke", "whitlocke"),
    ("Yarrowin", "yarrowin"),
    ("Zellinger", "zellinger"),
];

/// The domains of the emails; `.test` is reserved and never resolves.
pub(crate) const DOMAINS: [&str; 4] =
    ["example.test", "example.test", "mail.example.test", "post.example.test"];

/// The channels through which people find the shop, the commoner ones repeated.
pub(crate) const SOURCES: [&str; 10] = [
    "Search",
    "Search",
    "Search",
    "Social",
    "Social",
    "Social",
    "Newsletter",
    "Newsletter",
    "Referral",
    "Partner",
];

/// Names of streets.
pub(crate) const STREETS: [&str; 40] = [
    "Anchor",
    "Apricot",
    "Badger",
    "Barley",
    "Beacon",
    "Bellflower",
    "Bramble",
    "Candle",
    "Clover",
    "Copper",
    "Cormorant",
    "Damson",
    "Driftwood",
    "Feather",
    "Ferry",
    "Foxglove",
    "Gannet",
    "Granary",
    "Hazel",
    "Heron",
    "Juniper",
    "Kettle",
    "Lantern",
    "Lichen",
    "Marigold",
    "Millrace",
    "Mulberry",
    "Nettle",
    "Osprey",
    "Otter",
    "Pebble",
    "Plover",
    "Quarry",
    "Rosehip",
    "Saddler",
    "Sandpiper",
    "Sorrel",
    "Tansy",
    "Weaver",
    "Windfall",
];

/// Kinds of streets.
pub(crate) const STREET_KINDS: [&str; 7] =
    ["Street", "Avenue", "Lane", "Road", "Court", "Terrace", "Way"];

/// First parts of the names of cities.
pub(crate) const CITY_HEADS: [&str; 40] = [
    "Alder", "Amber", "Barrow", "Birch", "Bitter", "Blue", "Brisk", "Cedar", "Chalk", "Cinder",
    "Cold", "Crane", "Dove", "Dusk", "Elk", "Fallow", "Fern", "Flint", "Frost", "Gold", "Gray",
    "Hawk", "Hollow", "Iron", "Lark", "Linden", "Long", "Maple", "Mist", "Moss", "North", "Otter",
    "Pine", "Quail", "Raven", "Red", "Salt", "Sage", "Stone", "Willow",
];

/// Last parts of the names of cities.
pub(crate) const CITY_TAILS: [&str; 16] = [
    " Bend",
    "bridge",
    "bury",
    " Creek",
    "dale",
    " Falls",
    "field",
    "ford",
    " Harbor",
    "haven",
    " Junction",
    "mere",
    "mont",
    " Point",
    "stead",
    "wick",
];

/// A state of the map.
#[derive(Clone, Copy, Default)]
pub(crate) struct State {
    /// The two letters.
    pub(crate) code: &'static str,
    /// How many people live there, relative to the others.
    pub(crate) weight: i64,
    /// The shop's tax there in hundredths of a percent; made up, no law says so.
    pub(crate) tax: i64,
    /// The latitude of its middle in hundredths of a degree.
    pub(crate) latitude: i64,
    /// The longitude of its middle in hundredths of a degree.
    pub(crate) longitude: i64,
    /// The first three digits of its lowest postal code.
    pub(crate) zip: i64,
}

const fn state(
    code: &'static str,
    weight: i64,
    tax: i64,
    (latitude, longitude): (i64, i64),
    zip: i64,
) -> State {
    State { code, weight, tax, latitude, longitude, zip }
}

/// The states; the first five are the west, with close to a quarter of the people.
pub(crate) const STATES: [State; 33] = [
    state("CA", 108, 775, (3720, -11980), 930),
    state("WA", 52, 690, (4740, -12040), 980),
    state("OR", 38, 0, (4400, -12060), 970),
    state("NV", 22, 705, (3940, -11690), 890),
    state("AZ", 34, 610, (3420, -11170), 850),
    state("TX", 82, 640, (3140, -9930), 750),
    state("NY", 70, 825, (4290, -7550), 120),
    state("FL", 62, 620, (2840, -8190), 327),
    state("IL", 48, 655, (4000, -8930), 605),
    state("PA", 44, 585, (4090, -7770), 166),
    state("OH", 42, 565, (4030, -8280), 430),
    state("GA", 40, 415, (3270, -8340), 303),
    state("NC", 38, 490, (3550, -7940), 273),
    state("MI", 36, 600, (4370, -8470), 486),
    state("VA", 34, 545, (3750, -7860), 229),
    state("CO", 34, 335, (3900, -10550), 801),
    state("MA", 32, 630, (4230, -7190), 14),
    state("MN", 28, 695, (4630, -9430), 553),
    state("TN", 26, 710, (3590, -8640), 372),
    state("WI", 26, 510, (4460, -8970), 541),
    state("IN", 24, 675, (3990, -8630), 462),
    state("MO", 24, 430, (3840, -9250), 652),
    state("LA", 18, 455, (3100, -9200), 705),
    state("UT", 18, 495, (3930, -11170), 841),
    state("KY", 16, 605, (3750, -8530), 404),
    state("IA", 14, 595, (4200, -9350), 503),
    state("KS", 13, 650, (3850, -9840), 669),
    state("ID", 12, 580, (4420, -11450), 833),
    state("NM", 10, 520, (3440, -10610), 873),
    state("NE", 10, 550, (4150, -9980), 686),
    state("ME", 9, 540, (4530, -6920), 40),
    state("MT", 8, 0, (4700, -10960), 592),
    state("VT", 6, 570, (4410, -7270), 51),
];

/// The categories of products.
pub(crate) const CATEGORIES: [&str; 4] = ["Widget", "Gizmo", "Gadget", "Doohickey"];

/// The vendors, each with the number of its products relative to the others.
pub(crate) const VENDORS: [(&str, i64); 12] = [
    ("Tidewater Tinkers", 26),
    ("Lantern & Loom", 24),
    ("Brasswick Works", 20),
    ("Copperfinch", 18),
    ("Northlight Mill", 16),
    ("Fable Street Goods", 14),
    ("Grebe, Ottersby & Co.", 14),
    ("Maro's Bench", 12),
    ("Pocket Foundry", 12),
    ("Saltbox Supply", 10),
    ("Umber Cartage", 8),
    ("Wick and Whistle", 6),
];

/// What products are like.
pub(crate) const TITLE_STYLES: [&str; 24] = [
    "Absent-Minded",
    "Bashful",
    "Braided",
    "Cheerful",
    "Collapsible",
    "Double-Sided",
    "Dovetailed",
    "Everyday",
    "Featherweight",
    "Foldaway",
    "Hand-Wound",
    "Humming",
    "Lopsided",
    "Magnetic",
    "Midnight",
    "Modular",
    "Nimble",
    "Portable",
    "Quilted",
    "Reversible",
    "Stackable",
    "Stubborn",
    "Two-Speed",
    "Weatherproof",
];

/// What products are made of.
pub(crate) const TITLE_STUFFS: [&str; 16] = [
    "Amber",
    "Ash",
    "Bamboo",
    "Birchbark",
    "Canvas",
    "Cork",
    "Enamel",
    "Felt",
    "Flannel",
    "Linen",
    "Oak",
    "Pewter",
    "Pumice",
    "Rattan",
    "Tin",
    "Walnut",
];

/// What products are.
pub(crate) const TITLE_THINGS: [&str; 32] = [
    "Abacus",
    "Apron",
    "Barometer",
    "Bookend",
    "Bucket",
    "Candlestick",
    "Compass",
    "Corkscrew",
    "Dustpan",
    "Easel",
    "Flute",
    "Footstool",
    "Funnel",
    "Hammock",
    "Hourglass",
    "Inkwell",
    "Kaleidoscope",
    "Kite",
    "Ladle",
    "Mailbox",
    "Metronome",
    "Notebook",
    "Paddle",
    "Pulley",
    "Satchel",
    "Spindle",
    "Sundial",
    "Teapot",
    "Thimble",
    "Trowel",
    "Umbrella Stand",
    "Whisk",
];

/// First parts of the names under which reviewers write.
pub(crate) const REVIEWER_HEADS: [&str; 24] = [
    "brave", "breezy", "civil", "dapper", "drowsy", "eager", "frugal", "gentle", "hasty", "indigo",
    "jolly", "keen", "loyal", "mellow", "nifty", "odd", "patient", "quiet", "rustic", "sunny",
    "tidy", "upbeat", "velvet", "witty",
];

/// Last parts of the names under which reviewers write.
pub(crate) const REVIEWER_TAILS: [&str; 24] = [
    "acorn",
    "badger",
    "bicycle",
    "biscuit",
    "cartographer",
    "cello",
    "dumpling",
    "ferret",
    "gardener",
    "heron",
    "juggler",
    "kettle",
    "lighthouse",
    "magpie",
    "noodle",
    "otter",
    "pickle",
    "raccoon",
    "sailor",
    "teacup",
    "turnip",
    "walrus",
    "weaver",
    "zeppelin",
];

/// How reviews with one or two stars begin.
pub(crate) const BODY_BAD: [&str; 8] = [
    "It came apart on the second day.",
    "I wanted to like it and could not.",
    "The picture promises a good deal more than the parcel holds.",
    "Half of the screws were missing, and the other half did not fit.",
    "Mine squeaks. It should not squeak.",
    "I sent it back, and the second one was no better.",
    "Too flimsy for what it costs.",
    "My neighbor laughed at it, and he was right.",
];

/// How reviews with three stars begin.
pub(crate) const BODY_FAIR: [&str; 6] = [
    "It does the job, no more and no less.",
    "Good idea, middling workmanship.",
    "Fine once you have found out how it goes together.",
    "Smaller than I thought, but it will do.",
    "I have had better ones and worse ones.",
    "The color is not quite that of the picture.",
];

/// How reviews with four or five stars begin.
pub(crate) const BODY_GOOD: [&str; 10] = [
    "I use it every single morning.",
    "Bought one for myself and then three more as presents.",
    "Solid, simple, and prettier than it has to be.",
    "After a year it still looks new.",
    "It solved a problem I had put up with for ages.",
    "Everyone who visits asks where I got it.",
    "Light enough to carry and sturdy enough to drop.",
    "My daughter has taken it over, which says it all.",
    "Far better made than I expected at this price.",
    "It was ready to use two minutes after I opened the box.",
];

/// How reviews go on, or nothing.
pub(crate) const BODY_MORE: [&str; 12] = [
    "",
    "",
    "",
    "Delivery took four days.",
    "The box arrived with a dent, the content was fine.",
    "The instructions are a single drawing, and a small one.",
    "I chose it over two others that looked much alike.",
    "It shares a shelf with the teapot now.",
    "The finish smells faintly of pine.",
    "Cleaning it takes a minute.",
    "It is heavier than it looks.",
    "We keep it by the door.",
];
