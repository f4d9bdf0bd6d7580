"""Names of people and things."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HIS = _words("john peter paul tom jack david mark james henry george frank oscar simon martin walter victor")
_HER = _words("mary anna lucy emma sarah julia alice clara nina laura helen diana rosa sophie martha vera")

_LAND = _words("cat dog horse cow sheep goat pig lion tiger wolf bear fox rabbit mouse donkey camel")
_WATER = _words("salmon trout shark whale dolphin carp tuna cod herring eel")
_AIR = _words("eagle sparrow pigeon crow hawk owl swallow robin parrot gull")
_FRUIT = _words("apple pear plum grape banana lemon orange peach cherry melon")
_MEALS = _words("bread cheese soup rice pasta salad potato carrot onion egg")
_TOOLS = _words("hammer saw drill wrench pliers shovel rake axe screwdriver chisel spade ladder")
_CLOTHES = _words("shirt coat jacket skirt dress sweater scarf hat glove sock boot trousers")
_VEHICLES = _words("car bus truck train bicycle tram van lorry taxi motorbike ferry scooter")
_FURNITURE = _words("table chair sofa bed desk shelf wardrobe cupboard bench stool drawer cabinet")
_INSTRUMENTS = _words("piano violin flute drum trumpet guitar harp cello organ clarinet banjo trombone")
_ROOMS = _words("kitchen bedroom office cellar bathroom library attic classroom corridor hall")
_OPEN_PLACES = _words("forest beach field meadow garden mountain river desert park lake")
_TREES = _words("oak birch pine willow maple poplar cedar elm beech spruce")
_FLOWERS = _words("tulip daisy lily violet poppy orchid jasmine pansy crocus dahlia")
_HEAD = _words("nose ear chin cheek forehead eyebrow lip tongue tooth nostril")
_LIMBS = _words("knee ankle toe elbow wrist thumb heel shin thigh finger")
_SEAFARERS = _words("sailor captain pirate admiral fisherman diver skipper helmsman")
_FARMHANDS = _words("shepherd milkmaid ploughman herdsman beekeeper stableboy rancher miller")
_JURISTS = _words("judge attorney prosecutor bailiff notary sheriff solicitor magistrate")
_SUGARY = _words("honey syrup caramel fudge jam toffee custard marzipan nougat treacle")
_SALTY = _words("bacon ham sausage pickle olive anchovy pretzel gravy mustard sardine")
_FRENCH = _words("pierre jacques claude michel antoine gaston yvette brigitte monique odette")
_RUSSIAN = _words("ivan boris igor dmitri sergei vladimir olga natasha svetlana ludmila")
_ITALIAN = _words("marco luigi paolo giovanni matteo giulia chiara francesca bianca lucia")
_JAPANESE = _words("kenji hiroshi takeshi akira haruto yuki sakura naomi keiko michiko")
_WEAPONS = _words("sword dagger spear cannon pistol rifle arrow bayonet musket grenade")
_TOYS = _words("doll kite puzzle balloon teddy rattle marionette yoyo trampoline seesaw")
_GEMS = _words("ruby diamond emerald sapphire topaz opal jade garnet amber amethyst")
_METALS = _words("iron copper silver tin zinc bronze steel nickel brass chrome")
_BIG = _words("castle tower bridge ship ocean island palace planet factory cathedral airport valley")
_SMALL = _words("button coin needle pin seed crumb bead pea pebble marble thimble raisin")
_YOUNG = _words("baby toddler infant pupil kid newborn schoolboy schoolgirl teenager child")
_OLD = _words("grandfather grandmother pensioner elder widow veteran granny grandpa ancestor greybeard")

NOUNS: dict[str, tuple[str, ...]] = {
    "male_name": _HIS,
    "female_name": _HER,
    "person": _HIS + _HER,
    "male_relative": _words("father uncle brother son nephew king prince husband grandson duke"),
    "female_relative": _words("mother aunt sister daughter niece queen princess wife granddaughter duchess"),
    "animal": _LAND + _WATER + _AIR,
    "land_animal": _LAND,
    "water_animal": _WATER,
    "air_animal": _AIR,
    "fruit": _FRUIT,
    "meal": _MEALS,
    "eatable": _FRUIT + _MEALS,
    "tool": _TOOLS,
    "clothes": _CLOTHES,
    "transport": _VEHICLES,
    "household": _FURNITURE,
    "music_maker": _INSTRUMENTS,
    "lifeless_thing": _TOOLS + _VEHICLES + _FURNITURE,
    "thing": _TOOLS + _CLOTHES + _FURNITURE + _INSTRUMENTS,
    "room": _ROOMS,
    "open_place": _OPEN_PLACES,
    "place": _ROOMS + _OPEN_PLACES,
    "big_thing": _BIG,
    "small_thing": _SMALL,
    "tree": _TREES,
    "flower": _FLOWERS,
    "head_part": _HEAD,
    "limb_part": _LIMBS,
    "seafarer": _SEAFARERS,
    "farmhand": _FARMHANDS,
    "jurist": _JURISTS,
    "sugary_thing": _SUGARY,
    "salty_thing": _SALTY,
    "french_name": _FRENCH,
    "russian_name": _RUSSIAN,
    "italian_name": _ITALIAN,
    "japanese_name": _JAPANESE,
    "weapon": _WEAPONS,
    "toy": _TOYS,
    "gem": _GEMS,
    "metal": _METALS,
    "young_person": _YOUNG,
    "old_person": _OLD,
    "colour": _words("red green blue yellow white black brown grey pink purple"),
    "day": _words("monday tuesday wednesday thursday friday saturday sunday"),
    "city": _words("london paris berlin rome madrid vienna oslo dublin lisbon prague"),
    "film": _words("film movie play show comedy drama series cartoon"),
    "book": _words("book story poem tale novel diary report essay"),
    "gadget": _words("phone camera laptop radio printer watch lamp kettle"),
    "dish": _words("soup pasta salad rice bread cheese dessert steak pizza stew"),
    "lodging": _words("room hotel bed view lobby pool balcony garden"),
    "sport_word": _words("match goal team coach league striker referee stadium tournament champion race medal"),
    "money_word": _words("bank loan profit market shares tax budget trade investor debt salary price"),
    "health_word": _words("doctor hospital vaccine patient surgery virus nurse clinic treatment illness fever pill"),
    "culture_word": _words(
        "painter gallery museum poet sculpture theatre opera canvas exhibition dancer portrait sonata"
    ),
    "science_word": _words(
        "telescope laboratory atom physicist experiment rocket microscope theory fossil molecule comet chemist"
    ),
    "weather_word": _words("storm rain snow flood wind cloud frost thunder drought fog hail sunshine"),
}
